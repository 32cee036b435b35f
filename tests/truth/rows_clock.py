"""A wrong clock, of this machine or of the one that wrote the line. We may then show too little, never too much."""

from truth.story import Row, clock, hook, line, someone_looks, story, turn

HOUR = 3600
WARM = turn(100, 90, wrote_5m=9)

ROWS = [
    Row("a line from the future is not believed",
        story(WARM, line.answer(10, stamped=-2 * HOUR, wrote_1h=9)), "warm", "idle", 200),
    Row("a line from the future does not hide the responses after it",
        story(turn(250, 240, wrote_5m=9), line.answer(150, stamped=-2 * HOUR, wrote_1h=9), someone_looks(140),
              turn(100, 90, read=9)), "warm", "idle", 200),
    Row("a line from the year 9999", story(WARM, line.other(10, type="assistant", timestamp="9999-12-31T23:59:59Z",
                                                           message={"id": "m", "usage": {"input_tokens": 1}})),
        "warm", "idle", 200),
    Row("a line that was from the future when it was written, and no longer is",
        story(hook.start(5000), line.user(4000, stamped=100), line.answer(4000, stamped=90, wrote_5m=9)),
        "none", "idle"),
    Row("a line that is a second ahead is believed",
        story(hook.prompt(20), line.user(20), line.answer(10, stamped=9, wrote_5m=9), hook.stop(10)),
        "warm", "idle", 280),

    Row("the clock went back an hour and forward again",
        story(WARM, clock.is_ahead(50, -HOUR), someone_looks(40), clock.is_right_again(20)), "warm", "idle", 200),
    Row("the clock went forward an hour and back again",
        story(WARM, clock.is_ahead(50, HOUR), someone_looks(40), clock.is_right_again(20)), "warm", "idle", 200),
    Row("a turn while the clock was an hour ahead: its age is unknown, so nothing is promised",
        story(hook.start(300), clock.is_ahead(200, HOUR), WARM, someone_looks(80), clock.is_right_again(50)),
        "none", "idle"),
    Row("a turn while the clock was an hour ahead, and the next turn: that one counts",
        story(hook.start(300), clock.is_ahead(200, HOUR), WARM, someone_looks(80), clock.is_right_again(50),
              turn(40, 30, read=9)), "warm", "idle", 260),
    Row("a turn while the clock was an hour ahead, the next one, and no transcript",
        story(hook.start(300), clock.is_ahead(200, HOUR), hook.prompt(100), hook.stop(90), clock.is_right_again(50),
              hook.prompt(40), hook.stop(30)), "warm", "idle", 270),
    Row("a Stop from an hour ahead, and no transcript: nothing is promised",
        story(hook.start(300), clock.is_ahead(200, HOUR), hook.prompt(100), hook.stop(90), clock.is_right_again(50)),
        "none", "idle"),
    Row("ended while the clock was an hour ahead, and resumed since",
        story(WARM, clock.is_ahead(80, HOUR), hook.end(70), clock.is_right_again(50), hook.start(40, "resume")),
        "warm", "idle", 200, only_live="an end from the future can't be put in order later"),
    Row("ended while the clock was an hour ahead",
        story(WARM, clock.is_ahead(80, HOUR), hook.end(70), clock.is_right_again(50)), "warm", "ended", 200),
    Row("a turn while the clock was an hour behind is taken for an hour old",
        story(WARM, clock.is_ahead(80, -HOUR), turn(60, 50, read=9), clock.is_right_again(20)), "expired", "idle", 0,
        only_live="a later reader finds both times and takes the later one"),
    Row("the clock has just gone back an hour: what is ahead of it is not believed",
        story(WARM, clock.is_ahead(50, -HOUR)), "none", "idle"),
    Row("the clock has just gone back by three seconds: not more than the whole TTL",
        story(turn(2, 1, wrote_5m=9), clock.is_ahead(0.5, -3)), "warm", "idle", 300),
    Row("the computer slept for an hour", story(turn(HOUR + 100, HOUR + 90, wrote_5m=9)), "expired", "idle", 0),
]  # fmt: skip
