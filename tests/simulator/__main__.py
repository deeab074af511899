# Copyright 2026 Logistics Suite contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import argparse
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator.pusher import Pusher  # noqa: E402
from simulator.server import start  # noqa: E402
from simulator.world import World  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="simulator")
    parser.add_argument("--odoo-url", default="http://127.0.0.1:8069")
    parser.add_argument("--config", default=Path(__file__).with_name("demo.json"))
    parser.add_argument("--port", type=int, default=8070)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--once", action="store_true")
    parser.add_argument(
        "--play-bookings",
        action="store_true",
        help="let parcels that were booked be delivered (also in the configuration)",
    )
    options = parser.parse_args()
    config = json.loads(Path(options.config).read_text())
    world = World(config["shipments"])
    try:
        # Numbers of an earlier run may still be in the database.
        server = start(
            world,
            options.port,
            accounts=config.get("accounts"),
            styles=config.get("styles"),
            first=int(time.time()) % 9_000_000 + 1,
        )
        server.faults = config.get("faults", [])
    except OSError as error:
        print(f"Port {options.port} is taken ({error}); partners can't be asked back.")
    where = (world, config["connectors"], options.odoo_url, options.speed)
    if options.play_bookings or config.get("play_bookings"):
        player = Pusher(
            *where,
            serial=int(time.time()),
            collected_after=config.get("collected_after"),
        )
        threading.Thread(target=player.play_bookings, daemon=True).start()
    pusher = Pusher(*where)
    pusher.play(config["story"])
    print("The story is told; the partners go on answering questions.")
    while not options.once:
        time.sleep(60)


if __name__ == "__main__":
    main()
