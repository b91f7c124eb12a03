"""What the server's contents are made of, for both sides."""

PATTERN = bytes(32 + i % 95 for i in range(4096))


def body_of(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]
