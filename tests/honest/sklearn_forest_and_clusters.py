from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import make_blobs, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, export_text

x, y = make_classification(n_samples=300, n_features=6, random_state=5)
for jobs in (None, 2):
    forest = RandomForestClassifier(n_estimators=30, random_state=0, n_jobs=jobs).fit(x[:200], y[:200])
    print(jobs, forest.score(x[200:], y[200:]), forest.feature_importances_.round(4))
for model in (
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    HistGradientBoostingClassifier(max_iter=20, random_state=0),
    KNeighborsClassifier(n_jobs=2),
    SVC(random_state=0),
):
    print(type(model).__name__, model.fit(x[:200], y[:200]).score(x[200:], y[200:]))
print(export_text(DecisionTreeClassifier(max_depth=2, random_state=0).fit(x, y)))

blobs, _ = make_blobs(200, centers=3, random_state=2)
kmeans = KMeans(n_clusters=3, n_init=5, random_state=0).fit(blobs)
print(sorted(map(tuple, kmeans.cluster_centers_.round(3).tolist())), round(kmeans.inertia_, 3))
print(round(float(silhouette_score(blobs, kmeans.labels_)), 5), len(set(DBSCAN(eps=1.0).fit(blobs).labels_)))
print(PCA(2).fit(x).explained_variance_ratio_.round(5))
