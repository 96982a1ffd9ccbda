"""A small policy client, for what policyd-load does not do: wait, and leave messages open."""

import socket

REQUEST = """\
request=smtpd_access_policy
protocol_state=RCPT
protocol_name=ESMTP
client_address=198.18.0.25
client_name=mx1.example.org
sender=sender@origin.example
recipient={recipient}
instance={instance}
size=1000

"""


class Connections:
    """Connections to a UNIX socket, each with one request under way at most."""

    def __init__(self, endpoint, count):
        self._sockets = []
        for _ in range(count):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(endpoint.removeprefix("unix:"))
            self._sockets.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for connection in self._sockets:
            connection.close()

    def ask(self, recipients, name):
        """One request over each connection about a message of its own, which stays open."""
        for number, (connection, recipient) in enumerate(zip(self._sockets, recipients)):
            request = REQUEST.format(recipient=recipient, instance=f"{name}.{number}")
            connection.sendall(request.encode())
        for connection, _ in zip(self._sockets, recipients):
            answer = b""
            while not answer.endswith(b"\n\n"):
                answer += connection.recv(4096)
            if answer != b"action=DUNNO\n\n":
                raise RuntimeError(f"unexpected answer: {answer}")
