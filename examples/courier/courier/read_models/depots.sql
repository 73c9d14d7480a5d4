-- Depots: how many parcels lie where, and what they weigh.
-- Key: depot.
-- Types: ParcelHandedIn, ParcelScanned, ParcelMissed, ParcelSearched
-- Columns:
--   depot: The depot that each parcel came to last.
--   parcels: How many lie there.
--   weight_g: What they weigh together.
WITH parcels AS (
    SELECT
        stream_id,
        arg_max(depot, version) AS depot,
        max(weight_g) AS weight_g
    FROM events
    WHERE type IN ('ParcelHandedIn', 'ParcelScanned')
    GROUP BY stream_id
)
SELECT depot, count(*) AS parcels, sum(weight_g)::BIGINT AS weight_g
FROM parcels
GROUP BY depot
