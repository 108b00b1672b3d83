import numpy as np
from scipy import cluster, signal, sparse, spatial, special, stats

rng = np.random.default_rng(11)
a, b = rng.normal(5, 1, 60), rng.normal(5.4, 1, 60)
print([round(float(v), 6) for v in stats.ttest_ind(a, b)])
print([round(float(v), 6) for v in stats.pearsonr(a, b)], round(float(stats.shapiro(a).pvalue), 6))
print(stats.linregress(range(10), [2 * i + 1 for i in range(10)]).slope, stats.norm.cdf(1.96).round(6))
print(stats.chi2_contingency([[10, 20], [30, 5]]).pvalue.round(10), stats.mode([1, 2, 2, 3]).mode)
print(stats.binom(10, 0.3).pmf(range(4)).round(6), stats.zscore([1, 2, 3]).round(4))
matrix = sparse.csr_matrix(([1.0, 2.0, 3.0], ([0, 1, 2], [2, 0, 1])), shape=(3, 3))
print(matrix.toarray().tolist(), sparse.linalg.spsolve(matrix.tocsc(), np.ones(3)).round(4))
print(spatial.ConvexHull([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]]).volume, spatial.distance.cosine([1, 0], [0, 1]))
print(signal.find_peaks([0, 1, 0, 2, 0, 3, 0])[0], signal.butter(2, 0.2)[0].round(6), special.gamma(5.5).round(6))
print(cluster.hierarchy.fcluster(cluster.hierarchy.linkage([[0], [0.1], [5], [5.1]]), 2, "maxclust"))
