"""Words that tests of every kind use, for processes that know the service by its address alone: nothing of it is loaded."""

PASSWORD = "a long enough demo password"
LEI, OTHER_LEI = "529900T8BM49AURSDO55", "7LTWFZYICNSX8D621K86"
TERMS: dict[str, str] = {
    "type": "fx_spot",
    "side": "buy",
    "base": "EUR",
    "quote": "USD",
    "base_amount": "1000000.00",
    "rate": "1.1650",
    "trade_date": "2026-10-27",
    "value_date": "2026-10-29",
    "counterparty": LEI,
    "portfolio": "FX-EUR",
    "executed_at": "2026-10-27T07:30:00Z",
    "side_agreements": "none",
}
