import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix, r2_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

x, y = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x_train, y_train)
predicted = model.predict(x_test)
print(model)
print(confusion_matrix(y_test, predicted))
print(classification_report(y_test, predicted))
print(cross_val_score(model, x, y, cv=5).round(4))

points = np.arange(20).reshape(-1, 1)
line = LinearRegression().fit(points, 3 * points.ravel() + 4)
print(line.coef_.round(6), line.intercept_.round(6), r2_score(line.predict(points), 3 * points.ravel() + 4))
columns = ColumnTransformer([("kind", OneHotEncoder(), [0]), ("size", StandardScaler(), [1])])
print(columns.fit_transform(np.array([["a", 1], ["b", 2], ["a", 3]], dtype=object)).round(3))
