"""What systemd hears (sd_notify), on a socket of ours."""

import signal

from harness import late, until


def lines(d):
    return [line for m in d.said() for line in m.split("\n")]


def test_life(work):
    good = work.config()
    d = work.started()
    assert lines(d)[0] == "READY=1" and lines(d)[1].startswith("STATUS=")
    n = lines(d).count("WATCHDOG=1")
    work.csv([late("A1")])
    d.wait_said("WATCHDOG=1", n + 1)

    d.reload()
    at = [line for line in lines(d) if line in ("RELOADING=1", "READY=1")]
    assert at == ["READY=1", "RELOADING=1", "READY=1"]
    assert any(line.startswith("MONOTONIC_USEC=") and int(line[15:]) > 0 for line in lines(d))

    work.write(work.conf, good.replace("mail = {", "mail = "))
    d.reload(good=False)
    assert [line for line in lines(d) if line in ("RELOADING=1", "READY=1")] == at + ["RELOADING=1", "READY=1"]
    assert "old configuration" in [line for line in lines(d) if line.startswith("STATUS=")][-1]

    assert d.stop(signal.SIGTERM) == 0
    assert "STOPPING=1" in lines(d)


def test_watchdog_is_fed_while_a_relay_hangs(work, relay):
    work.config(relay)
    relay.script["BANNER"] = "hang"
    d = work.started()
    work.csv([late("A1")])
    relay.wait_said("hang", 30)
    for number in ("B1", "B2", "B3"):
        n = lines(d).count("WATCHDOG=1")
        work.csv([late("A1"), late(number, "bo")])
        until(lambda: work.one("SELECT count(*) FROM orders WHERE order_id=?", number), "reads to go on")
        d.wait_said("WATCHDOG=1", n + 1)
