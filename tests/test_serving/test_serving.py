"""Photographs that strangers send: predicted in memory, or refused."""

from __future__ import annotations

import io
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from mmmtl.apis import MultiTaskInferencer
from mmmtl.apis.outputs import save_map
from mmmtl.cli.app import main
from mmmtl.errors import UserError
from mmmtl.serving import PictureService, Refusal, service
from mmmtl.serving.server import (
    PageServer,
    address_of,
    make_http_server,
    open_socket,
)
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
            found, title=EVIL, trusted_hosts=['Proxy.example'], max_bytes=4000
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
    ],
    ids=['text', 'half', 'gif', 'pixels', 'bytes'],
)
def test_what_is_no_picture_is_refused_in_words(
    inferencer: MultiTaskInferencer, content: bytes, status: int, text: str
) -> None:
    found = PictureService(inferencer, max_pixels=3000)
    client = Client(PageServer(found, title='m', max_bytes=4000))
    answer = send(client, content)
    assert (answer.status_code, text in answer.text) == (status, True)
    # What was refused keeps no place in the queue.
    assert send(client, png('RGB', (50, 60))).status_code == 200


def test_strangers_pages_reach_nothing(client: Client, content: bytes) -> None:
    """Neither a form, nor a name that points to this machine."""
    form = client.post('/predict', data=content)
    assert form.status_code == 415
    for sender in ('cross-site', 'same-site'):
        answer = send(client, content, **{'Sec-Fetch-Site': sender})
        assert answer.status_code == 403
    own = send(client, content, **{'Sec-Fetch-Site': 'same-origin'})
    assert own.status_code == 200
    for path in ('/', '/maps/a/depth'):
        answer = client.get(path, base_url='http://evil.example')
        assert answer.status_code == 400
        assert "as 'evil.example': if it should be" in answer.text
    assert client.get('/maps/a/depth').status_code == 404
    assert client.get('/predict').status_code == 405
    assert client.get('/maps/../../etc/passwd').status_code == 404


def test_one_at_a_time_and_no_endless_queue(
    inferencer: MultiTaskInferencer,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = PictureService(inferencer, max_waiting=2)
    client = Client(PageServer(found, title='m'))
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
            target=lambda n=n: done.append(
                send(client, content, **{'X-Name': n}).get_json()['name']
            )
        )
        for n in 'ab'
    ]
    threads[0].start()
    assert entered.wait(20)
    threads[1].start()
    while found._places._value:
        threads[1].join(0.01)
    unread = io.BytesIO(content)
    answer = client.post('/predict', input_stream=unread, headers=OWN)
    assert answer.status_code == 503
    assert 'too many pictures wait' in answer.text
    assert unread.tell() == 0
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert (sorted(done), max(most)) == (['a', 'b'], 1)
    assert send(client, content).status_code == 200


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


@pytest.mark.parametrize(
    ('host', 'good'),
    [
        ('localhost:7860', True),
        ('LOCALHOST', True),
        ('10.0.0.7:7860', True),
        ('[fe80::1]:7860', True),
        ('proxy.example', True),
        ('localhost.evil.example', False),
        ('127.0.0.1.evil.example', False),
        ('[evil.example]', False),
        ('', False),
    ],
)
def test_names_that_another_site_cannot_own_are_good(
    client: Client, host: str, good: bool
) -> None:
    answer = client.get('/', headers={'Host': host})
    assert answer.status_code == (200 if good else 400)


def test_what_nobody_expected_is_said_in_plain_words(
    client: Client,
    content: bytes,
    inferencer: MultiTaskInferencer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError('no memory left')

    monkeypatch.setattr(inferencer, 'stream', fail)
    answer = send(client, content)
    assert (answer.status_code, answer.mimetype) == (500, 'text/plain')
    assert answer.text.endswith('the terminal says why')
    assert 'MemoryError: no memory left' in caplog.text


def test_sixteen_bits_become_eight_as_in_predict(
    client: Client, tmp_path: Path, inferencer: MultiTaskInferencer
) -> None:
    values = np.linspace(0, 65535, 12 * 14).reshape(12, 14).astype(np.uint16)
    path = tmp_path / 'deep.png'
    cv2.imwrite(str(path), values)
    record = send(client, path.read_bytes()).get_json()
    addresses = {t['task']: t['download']['address'] for t in record['tasks']}
    given = client.get('/' + addresses['depth']).data
    expected = inferencer(path)['depth']
    np.testing.assert_array_equal(np.load(io.BytesIO(given)), expected)
    assert expected.max() > 5
    for mode in ('I;16', 'F'):
        stream = io.BytesIO()
        Image.new(mode, (9, 9)).save(stream, 'TIFF')
        # Whatever OpenCV makes of it: an answer.
        known = mmcv.imfrombytes(stream.getvalue()) is not None
        answer = send(client, stream.getvalue())
        assert answer.status_code == (200 if known else 415)


def test_class_ids_are_kept_in_a_byte(
    inferencer: MultiTaskInferencer, content: bytes, image: np.ndarray
) -> None:
    found = PictureService(inferencer, tasks=['semseg', 'depth'])
    found.predict(content, 'a')
    ((_, maps),) = found._kept.values()
    assert (maps['semseg'].dtype, maps['depth'].dtype) == ('u1', 'f4')
    expected = inferencer(image)['semseg']
    np.testing.assert_array_equal(maps['semseg'], expected)


@pytest.mark.parametrize('host', ['127.0.0.1', '127.0.0.2', '::1', '0.0.0.0'])
def test_the_printed_address_answers(
    inferencer: MultiTaskInferencer, host: str
) -> None:
    try:
        listening = open_socket(host, 0)
    except UserError as error:
        pytest.skip(f'this machine cannot listen there: {error}')
    with listening:
        server = make_http_server(
            PictureService(inferencer), listening, title='pixel'
        )
        assert server.port == listening.getsockname()[1]
        browser = Client(server.app)
        assert browser.get('/', base_url=address_of(server)).status_code == 200
        # The port is of no use to a site that names it as its own.
        evil = f'http://evil.example:{server.port}'
        assert browser.get('/', base_url=evil).status_code == 400
        server.server_close()


def test_who_says_nothing_gives_the_place_back(
    inferencer: MultiTaskInferencer,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a request, then silence: the only place is free again."""
    monkeypatch.setattr('mmmtl.serving.server._Handler.timeout', 0.2)
    found = PictureService(inferencer, max_waiting=1)
    with open_socket('127.0.0.1', 0) as listening:
        server = make_http_server(found, listening, title='pixel')
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with socket.create_connection(('127.0.0.1', server.port)) as half:
                half.sendall(
                    b'POST /predict HTTP/1.1\r\nHost: localhost\r\n'
                    b'Content-Type: application/octet-stream\r\n'
                    b'Content-Length: 99\r\n\r\nabc'
                )
                half.settimeout(20)
                assert b' 400 ' in half.recv(99)
            assert found._places.acquire(timeout=20)
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
