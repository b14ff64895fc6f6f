let sent = 0;

function say(text, wrong = false) {
  $('status').textContent = text;
  $('status').classList.toggle('wrong', wrong);
}

async function predict(file) {
  sent += 1;
  const mine = sent;
  const name = file.name || 'picture.png';
  say(`Predicting ${name} …`);
  document.body.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch('predict', {
      method: 'POST',
      body: file,
      headers: { 'Content-Type': 'application/octet-stream', 'X-Name': encodeURIComponent(name) },
    });
    if (mine !== sent) return; // another one was dropped meanwhile
    if (!answer.ok) {
      say(`${name}: ${await answer.text()}`, true);
      return;
    }
    await viewer.show(await answer.json());
    say('Drop the next one whenever you like.');
  } catch {
    say('The server does not answer: is it still running?', true);
  } finally {
    if (mine === sent) document.body.removeAttribute('aria-busy');
  }
}

function take(transfer) {
  const [file] = transfer ? transfer.files : [];
  if (file) predict(file);
}

for (const name of ['dragenter', 'dragover']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.add('over');
  });
}
for (const name of ['dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.remove('over');
  });
}
document.addEventListener('drop', (event) => take(event.dataTransfer));
document.addEventListener('paste', (event) => take(event.clipboardData));
$('file').addEventListener('change', () => {
  take($('file'));
  $('file').value = '';
});
