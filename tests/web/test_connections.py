"""Connections that send no request."""

import socket
from threading import Thread

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from flows.web import connections


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"]
)
def test_a_connection_without_a_whole_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "LONGEST_SILENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            PlainTextResponse("ok"), http=connections.Connection, log_level="warning"
        )
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=20) as client:
                client.sendall(sent)
                while client.recv(4096):
                    pass  # until the server closes it; else this raises TimeoutError
        finally:
            server.should_exit = True
            thread.join()
