"""Pages of pictures: what they hold is what the maps say."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmmtl.visualization import new_gallery, paint
from mmmtl.visualization.picture_record import (
    GRID_SIDE,
    NO_VALUE,
    picture_record,
)
from tests.test_packaging.test_commands import blocks

EVIL = '<img src=x onerror=alert(1)>'
META = {'classes': ('wall', '</script><b>'), 'palette': [[1, 2, 3], [9, 8, 7]]}


def maps_of(height: int, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 5, (height, width)).astype(np.float32)
    depth[0, 0] = 0  # no depth
    normals = rng.normal(size=(height, width, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return {
        'semseg': (depth > 2).astype(np.int64),
        'depth': depth,
        'normals': normals,
        'saliency': rng.random((height, width), np.float32),
    }


def image_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(
        0, 256, (height, width, 3), np.uint8
    )


def levels_of(task: dict[str, Any], grid: dict[str, int]) -> np.ndarray:
    """Read stored values as the script of the page does."""
    stored = task['values']
    steps = zlib.decompress(base64.b64decode(stored['data']))
    low, high = np.frombuffer(steps, np.uint8).reshape(2, -1).astype(int)
    levels = np.cumsum(low + 256 * high) % 65536
    return levels.reshape(stored['planes'], grid['height'], grid['width'])


def records_of(page: str) -> list[dict[str, Any]]:
    blocks = re.findall(r'class="record">(.*?)</script>', page)
    return [json.loads(block) for block in blocks]


def test_stored_values_are_those_of_the_maps() -> None:
    """Within half a step; classes exactly; small maps pixel by pixel."""
    maps = maps_of(20, 30)
    record = picture_record('room', image_of(20, 30), maps, META)
    for task in record['tasks']:
        levels = levels_of(task, record['grid'])
        values = np.atleast_3d(maps[task['task']]).transpose(2, 0, 1)
        stored = task['values']
        found = stored['low'] + stored['step'] * levels
        here = levels != NO_VALUE
        error = np.abs(found - values)[here].max()
        assert error <= 0.501 * stored['step'], task['task']
        if task['task'] == 'semseg':
            assert error == 0
        # The one pixel without depth, and no other one.
        assert (~here).sum() == (task['task'] == 'depth')
    assert levels_of(record['tasks'][1], record['grid'])[0, 0, 0] == NO_VALUE


def test_of_a_large_picture_single_pixels_are_stored() -> None:
    height, width = 300, 3 * GRID_SIDE
    maps = {'depth': 1 + np.arange(height * width).reshape(height, width) % 7}
    maps = {'depth': maps['depth'].astype(np.float32)}
    record = picture_record('room', image_of(height, width), maps)
    assert record['grid'] == {'height': 100, 'width': GRID_SIDE}
    (task,) = record['tasks']
    found = levels_of(task, record['grid'])[0] * task['values']['step'] + 1
    # The middle one of three by three.
    np.testing.assert_allclose(found, maps['depth'][1::3, 1::3], atol=0.01)


def test_legend_has_shares_and_the_painters_colours() -> None:
    ids = np.zeros((10, 10), np.int64)
    ids[:3] = 1
    record = picture_record('a', image_of(10, 10), {'semseg': ids}, META)
    (task,) = record['tasks']
    assert [one['name'] for one in task['classes']] == ['wall', '</script><b>']
    assert [one['share'] for one in task['classes']] == [0.7, 0.3]
    assert [one['colour'] for one in task['classes']] == ['#010203', '#090807']
    # A class without a name keeps its number.
    record = picture_record('a', image_of(10, 10), {'semseg': ids + 4})
    assert record['tasks'][0]['classes'][0]['name'] == 'class 4'


def test_histogram_and_colour_bar_share_their_ends() -> None:
    """Depths 1..101 in equal numbers: the colours span 3 to 99."""
    depth = np.arange(1, 102, dtype=np.float32).repeat(2)[None]
    record = picture_record('a', image_of(1, 202), {'depth': depth})
    (task,) = record['tasks']
    assert task['ends'] == [3, 99]
    assert (task['least'], task['median'], task['most']) == (1, 51, 101)
    (counts,) = task['counts']
    assert sum(counts) == pytest.approx(1, abs=1e-4)
    # 48 bins of 2 m: two depths each; at the ends those beyond (1, 2 and
    # 100, 101), and at the last 99 too.
    assert counts[0] == pytest.approx(4 / 101, abs=1e-5)
    assert counts[1] == pytest.approx(2 / 101, abs=1e-5)
    assert counts[-1] == pytest.approx(5 / 101, abs=1e-5)
    near = paint('depth', np.float32([[3]]), value_range=(3, 99))[0, 0]
    assert task['colours'][0] == f'#{bytes(near).hex()}'


def test_vectors_say_what_their_colours_mean() -> None:
    maps = {'normals': maps_of(20, 30)['normals']}
    (task,) = picture_record('a', image_of(20, 30), maps)['tasks']
    colours = {one['name']: one['colour'] for one in task['axes']}
    assert colours['towards the camera'] == '#8080ff'
    assert colours['up'] == '#80ff80'
    assert len(task['counts']) == 3


@pytest.mark.parametrize('other', [2.5, np.nextafter(np.float32(2.5), 3)])
def test_maps_that_are_almost_constant(other: float) -> None:
    depth = np.full((4, 5), 2.5, np.float32)
    depth[0] = other
    (task,) = picture_record('a', image_of(4, 5), {'depth': depth})['tasks']
    (counts,) = task['counts']
    assert sum(counts) == 1
    assert task['median'] == 2.5


def test_maps_without_a_single_value() -> None:
    maps = {'depth': np.zeros((4, 5), np.float32)}
    (task,) = picture_record('a', image_of(4, 5), maps)['tasks']
    assert sum(task['counts'][0]) == 0
    assert 'median' not in task


def test_the_page_is_safe_and_needs_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'out.html'
    with new_gallery(path, title=EVIL) as gallery:
        for name in (EVIL, '</script><script>alert(1)</script>', '\udcff'):
            gallery.add(name, image_of(8, 9), maps_of(8, 9), dataset_meta=META)
        assert not path.exists()
    page = path.read_text('utf-8')
    assert 'id="stopped"' not in page
    assert '<img src=x' not in page
    assert '<script>alert' not in page
    assert page.count('</script>') == 3 + 1
    assert html.escape(EVIL) in page
    assert records_of(page)[0]['name'] == EVIL
    # Whatever it names lies in it; what it runs is what the policy allows.
    assert set(re.findall(r'(?:src|href)="(\w+)', page)) == {'data'}
    assert not re.search(r'https?://(?!www\.w3\.org/2000/svg)', page)
    (policy,) = re.findall(r'Security-Policy" content="(.*?)">', page)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag in ('script', 'style'):
        (code,) = re.findall(rf'<{tag}>(.*?)</{tag}>', page, re.S)
        digest = hashlib.sha256(code.encode()).digest()
        said = f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'"
        assert said in policy
    assert not re.search(r'style="|\bon\w+="', page)


@pytest.mark.parametrize(
    'error', [RuntimeError('damaged'), KeyboardInterrupt()], ids=repr
)
def test_what_ends_early_leaves_a_page_that_says_so(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / 'out.html'
    path.write_text('older')

    def fail(count: int) -> None:
        with new_gallery(path) as gallery:
            for name in 'ab'[:count]:
                gallery.add(name, image_of(8, 9), maps_of(8, 9))
            raise error

    for count in (0, 2):
        with pytest.raises(type(error)) as caught:
            fail(count)
        assert caught.value is error
        assert [p.name for p in tmp_path.iterdir()] == ['out.html']
        if not count:
            assert path.read_text() == 'older'
    page = path.read_text()
    assert [record['name'] for record in records_of(page)] == ['a', 'b']
    assert 'stopped after 2 picture(s)' in page
    assert page.endswith('</html>\n')


def test_pictures_do_not_pile_up_in_memory(tmp_path: Path) -> None:
    image, maps = image_of(200, 300), maps_of(200, 300)
    peaks = []
    for count in (2, 20):
        tracemalloc.start()
        with new_gallery(tmp_path / 'out.html') as gallery:
            for _ in range(count):
                gallery.add('a', image, maps)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_the_example_of_the_docs_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = blocks('docs/pages.md', 'python')
    exec(block, {})
    (record,) = records_of((tmp_path / 'out.html').read_text())
    assert record['tasks'][0]['median'] == 2.5


def in_browser(browser: str, page: Path) -> str:
    """Return the elements of a page after its scripts have run."""
    done = subprocess.run(
        [
            *(browser, '--headless', '--no-sandbox', '--disable-gpu'),
            *('--virtual-time-budget=4000', '--dump-dom'),
            *('--window-size=1200,900',),
            *(f'--user-data-dir={page.parent / "profile"}', page.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def readout_of(page: str) -> dict[str, str]:
    (table,) = re.findall(r'<table id="readout".*?</table>', page)
    cells = re.findall(r'<th scope="row">(\w+)</th><td>(.*?)</td>', table)
    return dict(cells)


# A mouse that stands still while the next picture, of another shape, comes.
MOUSE = """<script>
const box = $('stage').getBoundingClientRect();
const [clientX, clientY] = [box.left + 0.4 * box.width, box.top + 100];
const moved = new PointerEvent('pointermove', { clientX, clientY });
$('stage').dispatchEvent(moved);
document.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageDown' }));
const next = $('stage').getBoundingClientRect();
const [x, y] = [(clientX - next.left) / next.width, 100 / next.height];
const width = (node) => node.getBoundingClientRect().width;
document.title = JSON.stringify([x, y, width($('split')) - next.width]);
</script>"""


@pytest.mark.slow
def test_the_values_stay_at_the_mouse(tmp_path: Path) -> None:
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no Chromium to open the page with')
    path = tmp_path / 'out.html'
    depth = np.linspace(1, 5, 40 * 20, dtype=np.float32).reshape(40, 20)
    with new_gallery(path) as gallery:
        gallery.add('wide', image_of(20, 40), {'depth': depth.reshape(20, 40)})
        gallery.add('tall', image_of(40, 20), {'depth': depth})
    page = re.sub(r'<meta http-equiv.*?>', '', path.read_text())
    path.write_text(page.replace('</body>', f'{MOUSE}</body>'))
    said = in_browser(browser, path)
    (title,) = re.findall(r'<title>(.*?)</title>', said)
    x, y, wider = json.loads(title)
    assert 0.2 < x < 0.5
    assert 0 < y < 0.5
    metres = float(readout_of(said)['depth'].split()[0])
    expected = depth[int(40 * y), int(20 * x)]
    assert metres == pytest.approx(expected, abs=0.01)
    # The slider is as wide as the picture, and half a thumb at each end.
    assert wider == pytest.approx(16, abs=1)


@pytest.mark.slow
def test_a_browser_shows_the_values(tmp_path: Path) -> None:
    """The script reads what was stored: class, metres, vector."""
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no Chromium to open the page with')
    maps = maps_of(20, 31)
    with new_gallery(tmp_path / 'out.html') as gallery:
        gallery.add(EVIL, image_of(20, 31), maps, dataset_meta=META)
        gallery.stop()
    said = in_browser(browser, tmp_path / 'out.html')
    assert '>1 of 1<' in said
    shown = readout_of(said)
    middle = {task: values[10, 15] for task, values in maps.items()}
    assert html.unescape(shown['semseg']) == META['classes'][middle['semseg']]
    assert shown['depth'].endswith(' m')
    metres = float(shown['depth'].split()[0])
    assert metres == pytest.approx(middle['depth'], abs=0.01)
    vector = shown['normals'].replace('\N{MINUS SIGN}', '-')[1:-1].split(',')
    vector = [float(part) for part in vector]
    np.testing.assert_allclose(vector, middle['normals'], atol=0.01)
