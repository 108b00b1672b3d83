import copy
import copyreg
import dbm
import io
import pickle
import shelve


class Account:
    def __init__(self, owner, balance=0):
        self.owner, self.balance = owner, balance
        self.log = [("open", balance)]

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __getstate__(self):
        return {**self.__dict__, "version": 2}


def double(x):
    return 2 * x


account = Account("Ann", 5)
copied = pickle.loads(pickle.dumps(account, protocol=pickle.HIGHEST_PROTOCOL))
print(type(copied) is Account, copied.version, copied.log, pickle.loads(pickle.dumps(double))(21))
shallow, deep = copy.copy(account), copy.deepcopy(account)
account.log.append("x")
print(len(shallow.log), len(deep.log), account == shallow)
try:
    pickle.dumps(lambda: 1)
except (pickle.PicklingError, AttributeError) as error:
    print(type(error).__name__, str(error)[:30])
with shelve.open("accounts") as shelf:
    shelf["ann"] = account
    shelf["list"] = [1, 2, {"a": None}]
with shelve.open("accounts", writeback=True) as shelf:
    shelf["list"].append(3)
    print(sorted(shelf), shelf["ann"].owner)
with shelve.open("accounts") as shelf:
    print(shelf["list"])
with dbm.open("plain", "n") as db:
    db["k"] = "v"
    print(db["k"], db.keys())
copyreg.pickle(complex, lambda c: (complex, (c.real, c.imag)))
buffer = io.BytesIO()
pickle.dump(1 + 2j, buffer)
print(pickle.loads(buffer.getvalue()))
