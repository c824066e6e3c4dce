"""A server that answers as it is told: what no server at hand can be made to do, on the wire."""

from mockupdb import MockupDB


def refuse(code, text="refused"):
    """Answer with an error of the whole command."""
    return lambda request: request.command_err(code, text)


def hang_up(request):
    """Cut the connection instead of an answer."""
    return request.hangup()


def half_answer(request):
    """Send the beginning of an answer, and cut the connection."""
    request._client.sendall(b"\x80\x00\x00\x00\x01\x00\x00\x00")
    return request.hangup()


class ScriptedServer:
    """Takes every command, stores nothing, and misbehaves once for each entry of `faults`.

    Attributes:
        commands: All commands of the plugin, without greetings.
        faults: ``(command name, answer)``; the first that fits is used up.
        documents: What a `find` gives, by collection.
        greeting: Fields of the answer to a greeting, added or replaced.
        replies: Answers to administrative commands, by name.
    """

    def __init__(self):
        self.commands, self.faults, self.documents = [], [], {}
        self.greeting, self.replies = {}, {"buildInfo": {"version": "7.0.14"}}
        self._mock = MockupDB(auto_ismaster=False)
        self._mock.autoresponds(self._answer)
        self._mock.run()
        self.address = self._mock.address_string
        self.url = f"mongodb://{self.address}/"

    def stop(self):
        """Close all connections."""
        self._mock.stop()

    def named(self, *names):
        """Give the commands of these names."""
        return [c for c in self.commands if next(iter(c)) in names]

    def _answer(self, request):
        name = next(iter(request.doc))
        if name in {"hello", "ismaster", "isMaster"}:
            return request.ok(self._greeting())
        if name == "endSessions":
            return request.ok()
        self.commands.append(request.doc)
        for fault in self.faults:
            if fault[0] == name:
                self.faults.remove(fault)
                return fault[1](request)
        return request.ok(self._reply(name, request.doc))

    def _greeting(self):
        plain = {
            "helloOk": True, "ismaster": True, "isWritablePrimary": True,
            "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16 << 20,
            "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
        }  # fmt: skip
        return plain | self.greeting

    def _reply(self, name, command):
        if name in {"find", "aggregate"}:
            found = self.documents.get(command[name], []) if name == "find" else []
            return {"cursor": {"id": 0, "ns": f"d.{command[name]}", "firstBatch": found}}
        counted = {"insert": "documents", "update": "updates", "delete": "deletes"}
        if name in counted:
            count = len(command[counted[name]])
            return {"n": count, "nModified": count}
        return self.replies.get(name, {})
