"""One process on the bus: prints what it hears, and publishes what it is told on its standard input."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

from gevent.fileobject import FileObject  # noqa: E402

from csms.bus import RedisBus  # noqa: E402


def main() -> None:
    """Arguments: the address of Redis, the channel, the topics to listen to."""
    url, channel, *topics = sys.argv[1:]
    bus = RedisBus(url)
    bus.CHANNEL = channel
    bus.subscribe(topics, lambda topic: print(topic, flush=True))
    bus.start()
    print("ready", flush=True)
    for line in FileObject(sys.stdin.fileno(), "r", close=False):
        bus.publish(line.split())


if __name__ == "__main__":
    main()
