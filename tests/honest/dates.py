import calendar
import datetime as dt
import email.utils
import locale
import time
import zoneinfo

moment = dt.datetime(2024, 2, 29, 13, 5, 9, 123456, tzinfo=dt.timezone.utc)
print(moment.isoformat(), moment.strftime("%A, %d. %B %Y %H:%M:%S %p %j %U %Z"), moment.timestamp())
for zone in ("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin"):
    print(moment.astimezone(zoneinfo.ZoneInfo(zone)), zoneinfo.ZoneInfo(zone))
berlin = zoneinfo.ZoneInfo("Europe/Berlin")
print(dt.datetime(2024, 10, 27, 2, 30, tzinfo=berlin).utcoffset())
print(dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=berlin).utcoffset())
print(dt.datetime.strptime("09/Mar/2024 10:00", "%d/%b/%Y %H:%M"))
print(dt.date.fromisocalendar(2024, 10, 3), dt.datetime.fromisoformat("2024-01-01T00:00Z"))
print(dt.timedelta(days=1, hours=-5))
print((dt.date(2024, 12, 25) - dt.date(2024, 2, 29)).days, dt.datetime.fromtimestamp(0), dt.date.max)
print(calendar.month(2024, 2), calendar.isleap(1900), calendar.monthrange(2023, 2))
print(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(86400)), time.tzname, time.timezone, time.localtime(0).tm_hour)
print(email.utils.format_datetime(moment), len(zoneinfo.available_timezones()) > 400, moment.astimezone().tzname())
print(locale.setlocale(locale.LC_ALL, ""))
print(locale.format_string("%d", 1234567, grouping=True), locale.localeconv()["decimal_point"])
print(locale.getpreferredencoding(), locale.getlocale()[1], time.monotonic() <= time.monotonic(), time.time() > 1.7e9)
