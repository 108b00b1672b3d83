import joblib
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline

texts = ["cheap pills now", "meeting at noon", "win cash now", "lunch at noon", "cheap cash prize", "see you at lunch"] * 5
labels = [1, 0, 1, 0, 1, 0] * 5
print(sorted(CountVectorizer().fit(texts).vocabulary_.items()))
pipeline = Pipeline([("tfidf", TfidfVectorizer()), ("bayes", MultinomialNB())])
search = GridSearchCV(pipeline, {"bayes__alpha": [0.1, 1.0], "tfidf__ngram_range": [(1, 1), (1, 2)]}, cv=3)
search.fit(texts, labels)
print(search.best_params_, round(search.best_score_, 4), search.predict(["cheap lunch", "noon meeting"]))
joblib.dump(search.best_estimator_, "model.joblib")
print(joblib.load("model.joblib").predict_proba(["win a prize"]).round(4))
memory = joblib.Memory("cache", verbose=0)


@memory.cache
def slow(n):
    print("computing", n)
    return n * n


print(slow(4), slow(4), slow(5))
print(joblib.Parallel(n_jobs=2, prefer="threads")(joblib.delayed(pow)(i, 2) for i in range(6)))
