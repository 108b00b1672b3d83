import logging
import logging.config
import logging.handlers
import sys

FORMAT = "%(levelname)-8s %(name)s %(filename)s:%(lineno)d %(funcName)s: %(message)s"
logging.basicConfig(stream=sys.stdout, level=logging.DEBUG, format=FORMAT)
log = logging.getLogger("shop.orders")


def order(count):
    log.debug("ordering %d", count)
    try:
        return 10 / count
    except ZeroDivisionError:
        log.exception("cannot order")


order(2)
order(0)
logging.warning("root %s", "warning", extra={"user": 1})
print(logging.getLogger().handlers, log.getEffectiveLevel(), log.parent)
rotating = logging.handlers.RotatingFileHandler("app.log", maxBytes=200, backupCount=2)
rotating.setFormatter(logging.Formatter("%(message)s"))
log.addHandler(rotating)
log.propagate = False
for i in range(60):
    log.info("line %02d", i)
rotating.close()
log.removeHandler(rotating)
print(open("app.log").read(), open("app.log.2").readline())
logging.config.dictConfig({
    "version": 1,
    "formatters": {"short": {"format": "{levelname[0]} {message}", "style": "{"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "short"}},
    "root": {"handlers": ["out"], "level": "ERROR"},
})
logging.getLogger("b").error("after dictConfig")
