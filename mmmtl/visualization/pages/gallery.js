// Below the picture, where it stays in its place whatever task is chosen.
document.querySelector('.picture').append($('pictures'));
const items = [...$('pictures').children].filter((item) => item.id !== 'stopped');
let shown = -1;

function showPicture(index) {
  if (!items[index] || index === shown) return;
  if (shown >= 0) items[shown].firstElementChild.removeAttribute('aria-current');
  shown = index;
  items[index].firstElementChild.setAttribute('aria-current', 'true');
  $('position').textContent = `${index + 1} of ${items.length}`;
  $('previous').disabled = index === 0;
  $('next').disabled = index === items.length - 1;
  // Read when it is looked at: a page may hold hundreds.
  viewer.show(JSON.parse(items[index].querySelector('.record').textContent));
}

items.forEach((item, index) => item.firstElementChild.addEventListener('click', () => {
  showPicture(index);
  scrollTo({ top: 0, behavior: 'smooth' });
}));
$('previous').addEventListener('click', () => showPicture(shown - 1));
$('next').addEventListener('click', () => showPicture(shown + 1));
document.addEventListener('keydown', (event) => {
  const step = { PageUp: -1, PageDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  showPicture(shown + step);
});
showPicture(0);
