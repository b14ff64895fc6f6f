"""Photographs that strangers send: predicted in memory, or refused."""

from __future__ import annotations

import io
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from mmmtl.apis import MultiTaskInferencer
from mmmtl.apis.outputs import save_map
from mmmtl.cli.app import main
from mmmtl.errors import UserError
from mmmtl.serving import PictureService, Refusal, service
from mmmtl.serving.server import PageServer, make_http_server, open_socket
from tests.test_visualization.test_gallery import EVIL

OWN = {'Content-Type': 'application/octet-stream'}


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


@pytest.fixture
def content(image: np.ndarray) -> bytes:
    return cv2.imencode('.png', image)[1].tobytes()


@pytest.fixture
def client(inferencer: MultiTaskInferencer) -> Client:
    found = PictureService(inferencer)
    return Client(
        PageServer(
            found, title=EVIL, trusted_hosts=['localhost'], max_bytes=4000
        )
    )


def send(client: Client, content: bytes, **headers: str) -> TestResponse:
    return client.post('/predict', data=content, headers=OWN | headers)


def test_downloads_are_what_save_map_writes(
    client: Client,
    content: bytes,
    image: np.ndarray,
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
) -> None:
    answer = send(client, content, **{'X-Name': 'my%20room.v2.png'})
    record = answer.get_json()
    assert (record['name'], record['width']) == ('my room.v2.png', 25)
    maps = inferencer(image)
    assert [task['task'] for task in record['tasks']] == list(maps)
    for task in record['tasks']:
        given = client.get('/' + task['download']['address'])
        path = save_map(tmp_path, task['task'], 'x', maps[task['task']])
        assert given.data == path.read_bytes()
        name = f'my room.v2_{task["task"]}{path.suffix}'
        assert task['download']['name'] == name
        said = given.headers['Content-Disposition']
        assert (
            said == f"attachment; filename*=UTF-8''{name.replace(' ', '%20')}"
        )
    depth = np.load(tmp_path / 'maps/depth/x.npy')
    np.testing.assert_allclose(depth, image[..., 0] / 50, rtol=1e-6)


def test_nothing_of_a_picture_reaches_the_disk(
    client: Client, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError('a file was opened to write')

    for name in ('NamedTemporaryFile', 'TemporaryFile', 'mkdtemp', 'mkstemp'):
        monkeypatch.setattr(f'tempfile.{name}', refuse)
    monkeypatch.setattr('builtins.open', refuse)
    assert send(client, content).status_code == 200


def test_the_page_is_safe(client: Client) -> None:
    answer = client.get('/')
    assert '<img src=x' not in answer.text
    assert "default-src 'none'; img-src data:" in answer.text
    assert "connect-src 'self'" in answer.text
    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
    assert answer.headers['Cache-Control'] == 'no-store'


def png(mode: str, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, 'PNG')
    return stream.getvalue()


def half_a_picture() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    content = cv2.imencode('.png', noise)[1].tobytes()
    return content[: len(content) // 2]


@pytest.mark.parametrize(
    ('content', 'status', 'text'),
    [
        (b'no picture', 415, 'no picture of the formats JPEG, PNG'),
        (half_a_picture(), 415, 'the picture is damaged'),
        (b'GIF89a' + bytes(50), 415, 'no picture'),
        (png('L', (60, 51)), 413, '60 x 51 pixels: at most 0.003 million'),
        (b'x' * 4001, 413, 'the file is larger than 0.004 MB'),
        (png('I;16', (9, 9)), 415, 'has no 8 bits per channel'),
    ],
    ids=['text', 'half', 'gif', 'pixels', 'bytes', 'sixteen'],
)
def test_what_is_no_picture_is_refused_in_words(
    inferencer: MultiTaskInferencer, content: bytes, status: int, text: str
) -> None:
    found = PictureService(inferencer, max_pixels=3000)
    client = Client(PageServer(found, title='m', max_bytes=4000))
    answer = send(client, content)
    assert (answer.status_code, text in answer.text) == (status, True)
    # Refused before it was decoded, it takes no place in the queue.
    assert send(client, png('RGB', (50, 60))).status_code == 200


def test_strangers_pages_reach_nothing(client: Client, content: bytes) -> None:
    """Neither a form, nor a name that points to this machine."""
    form = client.post('/predict', data=content)
    assert form.status_code == 415
    for path in ('/', '/maps/a/depth'):
        answer = client.get(path, base_url='http://evil.example')
        assert answer.status_code == 400
    assert client.get('/maps/a/depth').status_code == 404
    assert client.get('/predict').status_code == 405
    assert client.get('/maps/../../etc/passwd').status_code == 404


def test_one_at_a_time_and_no_endless_queue(
    inferencer: MultiTaskInferencer,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = PictureService(inferencer, max_waiting=2)
    inside, most = [], []
    entered, go_on = threading.Event(), threading.Event()
    stream = inferencer.stream

    def slow(*arguments: object, **options: object) -> Iterator:
        inside.append(1)
        most.append(len(inside))
        entered.set()
        assert go_on.wait(20)
        result = list(stream(*arguments, **options))
        inside.pop()
        return iter(result)

    monkeypatch.setattr(inferencer, 'stream', slow)
    done: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: done.append(found.predict(content, n)['name'])
        )
        for n in 'ab'
    ]
    threads[0].start()
    assert entered.wait(20)
    threads[1].start()
    while found._places._value:
        threads[1].join(0.01)
    with pytest.raises(Refusal, match='too many pictures wait'):
        found.predict(content, 'c')
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert (sorted(done), max(most)) == (['a', 'b'], 1)
    assert found.predict(content, 'd')['name'] == 'd'


def test_old_maps_make_room(
    inferencer: MultiTaskInferencer,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, '_KEPT', 0)
    found = PictureService(inferencer, tasks=['depth'])
    first, second = (found.predict(content, name) for name in 'ab')
    keys = [
        record['tasks'][0]['download']['address'].split('/')[1]
        for record in (first, second)
    ]
    assert found.download(keys[1], 'depth')[0] == 'b_depth.npy'
    with pytest.raises(Refusal, match='these maps are gone'):
        found.download(keys[0], 'depth')
    with pytest.raises(Refusal, match='these maps are gone'):
        found.download(keys[1], 'edge')


def test_it_listens_at_a_port(
    inferencer: MultiTaskInferencer, content: bytes
) -> None:
    with open_socket('127.0.0.1', 0) as listening:
        server = make_http_server(
            PictureService(inferencer), listening, title='pixel'
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f'http://localhost:{server.port}'
        try:
            with urllib.request.urlopen(address, timeout=20) as answer:
                assert b'<h1>pixel</h1>' in answer.read()
            request = urllib.request.Request(
                f'{address}/predict', content, OWN
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert json.load(answer)['height'] == 17
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


# Python leaves a socket open there.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_a_port_that_is_taken_is_said_before_a_model_is_opened(
    capsys: pytest.CaptureFixture,
) -> None:
    with open_socket('127.0.0.1', 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match='2'):
            main(['serve', 'no such model', '--port', str(port)])
    assert 'another program uses it' in capsys.readouterr().err
    with pytest.raises(UserError, match='port 70000'):
        open_socket('127.0.0.1', 70000)


def test_without_werkzeug_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(SystemExit, match='2'):
        main(['serve', 'no such model'])
    text = capsys.readouterr().err
    assert text == "error: serve needs Werkzeug: pip install 'mmmtl[serve]'\n"
