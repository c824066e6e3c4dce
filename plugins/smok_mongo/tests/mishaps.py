"""Staged mishaps: a process ends within a call, others act just before one."""


class Killed(BaseException):
    """Stands for the end of the process."""


def killed(*_, **__):
    """Take the place of a call, and end there."""
    raise Killed


def before(call, step):
    """Do a step just before a call is carried out, once."""
    steps = [step]

    def slow(*args, **named):
        if steps:
            steps.pop()()
        return call(*args, **named)

    return slow
