"""``mmmtl serve``."""

from __future__ import annotations


def serve(
    model: str = 'rooms-lite0',
    /,
    *,
    host: str = '127.0.0.1',
    port: int = 7860,
    config: str | None = None,
    device: str | None = None,
    tasks: tuple[str, ...] | None = None,
    trusted_hosts: tuple[str, ...] = (),
    trust_remote_code: bool = False,
    cfg_options: tuple[str, ...] = (),
) -> None:
    """Open a page on which photographs are dropped and predicted.

    Args:
        model: As in `mmmtl predict`; rooms-lite0 if left out.
        host: Address to listen at; this machine alone if left out. There is
            no password: 0.0.0.0 lets in whoever reaches this machine.
        port: Port to listen at; 7860 if left out, 0 takes a free one.
        config: Config of the weights, a file or a name; what lies beside
            them if left out.
        device: For instance cpu or cuda:0; a GPU if any, if left out.
        tasks: Show these of the model's tasks only.
        trusted_hosts: Names under which browsers may ask for the page, such
            as that of a proxy. Addresses, localhost and the names that this
            machine knows of itself always work.
        trust_remote_code: Run what a config beside the weights asks for.
        cfg_options: Changes to the config as KEY=VALUE.
    """
    import logging
    from importlib.util import find_spec
    from pathlib import Path

    from mmmtl.errors import UserError

    if find_spec('werkzeug') is None:
        raise UserError("serve needs Werkzeug: pip install 'mmmtl[serve]'")
    from mmmtl.apis import open_model
    from mmmtl.engine.config import parse_options
    from mmmtl.serving import PictureService
    from mmmtl.serving.server import (
        address_of,
        make_http_server,
        open_socket,
    )

    logging.getLogger('werkzeug').setLevel(logging.WARNING)
    with open_socket(host, port) as listening:
        inferencer = open_model(
            model,
            config=config,
            device=device,
            cfg_options=parse_options(cfg_options),
            trust_remote_code=trust_remote_code,
        )
        service = PictureService(inferencer, tasks=tasks)
        server = make_http_server(
            service,
            listening,
            title=Path(model).name,
            trusted_hosts=trusted_hosts,
        )
        print(
            f'open {address_of(server)} in a browser; Ctrl-C ends it',
            flush=True,
        )
        server.serve_forever()
