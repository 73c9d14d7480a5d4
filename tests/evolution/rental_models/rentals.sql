-- Rentals: what was rented out, and what became of it.
-- Key: rental.
-- Stream: rental
-- Types: RentalOpened, Extended, Returned, DepositPaid
-- Columns:
--   rental: The rental.
--   renter: Who rents.
--   fee: The fee.
--   phone: How to reach the renter.
--   city: Where it goes, by city.
--   street: Where it goes, by street.
--   currency: The currency of the fee.
--   tier: The renter's tier.
--   articles: What is rented, each with its days.
--   rate: What a day costs.
--   tags: Words for it.
--   insured: Whether it is insured.
--   weight: What it weighs.
--   hours: For how many hours it was extended.
--   returned: In which condition it came back.
--   paid: The deposits.
SELECT
    stream_id AS rental,
    max(renter) AS renter,
    max(fee) AS fee,
    max(phone) AS phone,
    max(coalesce(payload ->> '$.address.city', '?')) FILTER (type = 'RentalOpened') AS city,
    max(payload ->> '$.address.street') FILTER (type = 'RentalOpened') AS street,
    max(currency) AS currency,
    max(coalesce(payload ->> '$.tier', 'plain')) FILTER (type = 'RentalOpened') AS tier,
    max(
        list_transform(
            CAST(coalesce(payload -> '$.lines', '[]') AS JSON[]), lambda one: (one ->> '$.article') || ':' || (one ->> '$.days')
        ).list_aggregate('string_agg', ',')
    ) FILTER (type = 'RentalOpened') AS articles,
    max(
        list_transform(
            CAST(coalesce(payload -> '$.lines', '[]') AS JSON[]), lambda one: coalesce(one ->> '$.rate', '1.5')::DECIMAL(18, 4)
        ).list_sum()
    ) FILTER (type = 'RentalOpened') AS rate,
    max(
        list_aggregate(CAST(coalesce(payload -> '$.tags', '["new"]') AS VARCHAR[]), 'string_agg', ',')
    ) FILTER (type = 'RentalOpened') AS tags,
    bool_or(insured) AS insured,
    max(weight) AS weight,
    coalesce(sum(hours), 0) AS hours,
    CASE WHEN bool_or(type = 'Returned') THEN coalesce(max("condition"), 'unseen') ELSE '' END AS returned,
    coalesce(sum(amount), 0) AS paid
FROM events
GROUP BY stream_id
