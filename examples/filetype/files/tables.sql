CREATE TABLE customers (
    id      INTEGER PRIMARY KEY,
    name    VARCHAR(80) NOT NULL,
    since   DATE
);

INSERT INTO customers (id, name, since) VALUES (1, 'Ada', '2019-05-04'), (2, 'Ben', NULL);

SELECT c.name, COUNT(*) AS orders
FROM customers c
JOIN orders o ON o.customer_id = c.id
WHERE c.since < '2024-01-01'
GROUP BY c.name
HAVING COUNT(*) > 3
ORDER BY orders DESC;
