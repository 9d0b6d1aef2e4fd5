#!/usr/bin/env python3
"""Checks a dataset against FOCUS 1.2, the FinOps Open Cost and Usage Specification: CSV or JSON, of any provider.

    validate.py [--total INVOICE=AMOUNT]... FILE...    prints every violation, exits 1 if there is one
    validate.py --self-test                            breaks a good dataset in many ways and shows that each is found

The rules are those of the specification's sections on columns and attributes that a dataset alone can be held to. Rules
that say SHOULD are left out. A product of price and quantity matches a cost if it is within a millionth of it, as the
specification leaves precision to the provider.
"""

import copy
import csv
import io
import json
import re
import sys
from datetime import datetime
from decimal import Decimal, localcontext

TEXT, DECIMAL, TIME, KEYS = "String", "Decimal", "Date/Time", "Key-Value"

# Column: type, whether it must be there, whether it may be null. Conditions on null are below.
COLUMNS = {
    "AvailabilityZone": (TEXT, False, True),
    "BilledCost": (DECIMAL, True, False),
    "BillingAccountId": (TEXT, True, False),
    "BillingAccountName": (TEXT, True, True),
    "BillingAccountType": (TEXT, False, False),
    "BillingCurrency": (TEXT, True, False),
    "BillingPeriodEnd": (TIME, True, False),
    "BillingPeriodStart": (TIME, True, False),
    "CapacityReservationId": (TEXT, False, True),
    "CapacityReservationStatus": (TEXT, False, True),
    "ChargeCategory": (TEXT, True, False),
    "ChargeClass": (TEXT, True, True),
    "ChargeDescription": (TEXT, True, True),
    "ChargeFrequency": (TEXT, False, False),
    "ChargePeriodEnd": (TIME, True, False),
    "ChargePeriodStart": (TIME, True, False),
    "CommitmentDiscountCategory": (TEXT, False, True),
    "CommitmentDiscountId": (TEXT, False, True),
    "CommitmentDiscountName": (TEXT, False, True),
    "CommitmentDiscountQuantity": (DECIMAL, False, True),
    "CommitmentDiscountStatus": (TEXT, False, True),
    "CommitmentDiscountType": (TEXT, False, True),
    "CommitmentDiscountUnit": (TEXT, False, True),
    "ConsumedQuantity": (DECIMAL, False, True),
    "ConsumedUnit": (TEXT, False, True),
    "ContractedCost": (DECIMAL, True, False),
    "ContractedUnitPrice": (DECIMAL, False, True),
    "EffectiveCost": (DECIMAL, True, False),
    "InvoiceId": (TEXT, False, True),
    "InvoiceIssuerName": (TEXT, True, False),
    "ListCost": (DECIMAL, True, False),
    "ListUnitPrice": (DECIMAL, False, True),
    "PricingCategory": (TEXT, False, True),
    "PricingCurrency": (TEXT, False, False),
    "PricingCurrencyContractedUnitPrice": (DECIMAL, False, True),
    "PricingCurrencyEffectiveCost": (DECIMAL, False, False),
    "PricingCurrencyListUnitPrice": (DECIMAL, False, True),
    "PricingQuantity": (DECIMAL, True, True),
    "PricingUnit": (TEXT, True, True),
    "ProviderName": (TEXT, True, False),
    "PublisherName": (TEXT, True, False),
    "RegionId": (TEXT, False, True),
    "RegionName": (TEXT, False, True),
    "ResourceId": (TEXT, False, True),
    "ResourceName": (TEXT, False, True),
    "ResourceType": (TEXT, False, True),
    "ServiceCategory": (TEXT, True, False),
    "ServiceName": (TEXT, True, False),
    "ServiceSubcategory": (TEXT, False, False),
    "SkuId": (TEXT, False, True),
    "SkuMeter": (TEXT, False, True),
    "SkuPriceDetails": (KEYS, False, True),
    "SkuPriceId": (TEXT, False, True),
    "SubAccountId": (TEXT, False, True),
    "SubAccountName": (TEXT, False, True),
    "SubAccountType": (TEXT, False, True),
    "Tags": (KEYS, False, True),
}

SUBCATEGORIES = {
    "AI and Machine Learning": "AI Platforms|Bots|Generative AI|Machine Learning|Natural Language Processing",
    "Analytics": "Analytics Platforms|Business Intelligence|Data Processing|Search|Streaming Analytics",
    "Business Applications": "Productivity and Collaboration",
    "Compute": "Containers|End User Computing|Quantum Compute|Serverless Compute|Virtual Machines",
    "Databases": "Caching|Data Warehouses|Ledger Databases|NoSQL Databases|Relational Databases|Time Series Databases",
    "Developer Tools": "Developer Platforms|Continuous Integration and Deployment|Development Environments|"
                       "Source Code Management|Quality Assurance",
    "Identity": "Identity and Access Management",
    "Integration": "API Management|Messaging|Workflow Orchestration",
    "Internet of Things": "IoT Analytics|IoT Platforms",
    "Management and Governance": "Architecture|Compliance|Cost Management|Data Governance|Disaster Recovery|"
                                 "Endpoint Management|Observability|Support",
    "Media": "Content Creation|Gaming|Media Streaming|Mixed Reality",
    "Migration": "Data Migration|Resource Migration",
    "Mobile": "",
    "Multicloud": "Multicloud Integration",
    "Networking": "Application Networking|Content Delivery|Network Connectivity|Network Infrastructure|Network Routing|"
                  "Network Security",
    "Security": "Secret Management|Security Posture Management|Threat Detection and Response",
    "Storage": "Backup Storage|Block Storage|File Storage|Object Storage|Storage Platforms",
    "Web": "Application Platforms",
    "Other": "",
}

ALLOWED = {
    "CapacityReservationStatus": {"Used", "Unused"},
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "CommitmentDiscountCategory": {"Spend", "Usage"},
    "CommitmentDiscountStatus": {"Used", "Unused"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": set(SUBCATEGORIES),
}

ISO_4217 = set("""AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF
GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR
RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG""".split())

# Where both columns are there, the first is null exactly when the second is.
PAIRS = [("CommitmentDiscountCategory", "CommitmentDiscountId"), ("CommitmentDiscountType", "CommitmentDiscountId"),
         ("CommitmentDiscountUnit", "CommitmentDiscountQuantity"), ("ConsumedUnit", "ConsumedQuantity"),
         ("PricingUnit", "PricingQuantity"), ("RegionName", "RegionId"), ("ResourceType", "ResourceId"),
         ("SubAccountName", "SubAccountId"), ("SubAccountType", "SubAccountId")]
# Where the second is null, so is the first.
FOLLOWS = [("CapacityReservationStatus", "CapacityReservationId"), ("CommitmentDiscountName", "CommitmentDiscountId"),
           ("CommitmentDiscountStatus", "CommitmentDiscountId"), ("ResourceName", "ResourceId"), ("SkuMeter", "SkuId"),
           ("SkuPriceDetails", "SkuPriceId")]
# Null for a tax; not null for usage and purchases that correct nothing.
PRICED = ["ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "PricingCurrencyContractedUnitPrice",
          "PricingCurrencyListUnitPrice", "PricingQuantity", "PricingUnit", "SkuId", "SkuPriceId"]
NOT_NEGATIVE = ["ContractedUnitPrice", "ListUnitPrice", "PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice"]
PRODUCTS = [("ContractedUnitPrice", "ContractedCost"), ("ListUnitPrice", "ListCost")]
PLACEHOLDERS = {"null", "none", "n/a", "na", "not applicable", "nil", "undefined", "-"}

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
CUSTOM = re.compile(r"x_[A-Za-z0-9_]+")
MILLIONTH = Decimal("0.000001")


class Number(str):
    """A JSON number as it was written."""


class Dataset:
    """Rows of text, None for null; `json` tells numbers from text."""

    def __init__(self, columns, rows, is_json):
        self.columns, self.rows, self.is_json = columns, rows, is_json


def read_csv(text):
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if not lines:
        raise ValueError("there is no header")
    header = lines[0]
    for number, line in enumerate(lines[1:], 1):
        if len(line) != len(header):
            raise ValueError(f"row {number} has {len(line)} fields, the header has {len(header)}")
    return Dataset(header, [{c: v if v != "" else None for c, v in zip(header, line)} for line in lines[1:]], False)


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def parse_json(text):
    def constant(name):
        raise ValueError(f"{name} is no JSON")
    return json.loads(text, object_pairs_hook=unique, parse_int=Number, parse_float=Number, parse_constant=constant)


def read_json(text):
    rows = parse_json(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("expected an array of objects")
    columns = list(dict.fromkeys(c for row in rows for c in row))
    return Dataset(columns, rows, True)


class Validator:
    def __init__(self, data):
        self.data = data
        self.found = []  # (row, column, rule, why); row 0 is the dataset

    def say(self, row, column, rule, why):
        self.found.append((row, column, rule, why))

    def run(self, totals=()):
        self.presence()
        for number, row in enumerate(self.data.rows, 1):
            values = self.values(number, row)
            self.nulls(number, values)
            self.words(number, values)
            self.costs(number, values)
        self.across(totals)
        return self.found

    def has(self, column):
        return column in self.data.columns

    def presence(self):
        columns = self.data.columns
        for column, (_, needed, _) in COLUMNS.items():
            if needed and column not in columns:
                self.say(0, column, "Presence", "a mandatory column is missing")
        for column in columns:
            if columns.count(column) > 1:
                self.say(0, column, "Presence", "the column is there twice")
            if column not in COLUMNS and not CUSTOM.fullmatch(column):
                self.say(0, column, "CustomColumn", "neither a column of FOCUS 1.2 nor prefixed with x_")
        if self.has("CapacityReservationId") != self.has("CapacityReservationStatus"):
            self.say(0, "CapacityReservationStatus", "Presence", "CapacityReservationId and its status go together")
        discounts = [c for c in COLUMNS if c.startswith("CommitmentDiscount")]
        if any(map(self.has, discounts)):
            for column in discounts:
                if not self.has(column):
                    self.say(0, column, "Presence", "with commitment discounts all columns of theirs are mandatory")
        for one, other in (("ConsumedQuantity", "ConsumedUnit"), ("RegionId", "RegionName"), ("SubAccountId", "SubAccountName"),
                           ("SkuId", "SkuPriceId"), ("SkuId", "SkuMeter"), ("SkuId", "SkuPriceDetails")):
            if self.has(one) != self.has(other):
                self.say(0, other if self.has(one) else one, "Presence", f"{one} and {other} go together")

    def values(self, number, row):
        """The row with its numbers and instants read; what is wrong is said, and None."""
        out = {}
        for column in self.data.columns:
            if column not in COLUMNS:
                continue
            kind, _, nullable = COLUMNS[column]
            value = row.get(column)
            if self.data.is_json and column not in row:
                self.say(number, column, "Presence", "the row lacks the column; write null")
            out[column] = None
            if value is None:
                if not nullable:
                    self.say(number, column, "NotNull", "must not be null")
                continue
            if not isinstance(value, str):
                self.say(number, column, "Type", f"expected {kind}")
                continue
            if self.data.is_json and (kind == DECIMAL) != isinstance(value, Number):
                self.say(number, column, "Type", f"expected {kind}, found {value!r}")
                continue
            if value.strip() == "" or value.strip().lower() in PLACEHOLDERS:
                self.say(number, column, "NullHandling", f"{value!r} stands for an absent value; write null")
                continue
            if kind == DECIMAL:
                if NUMBER.fullmatch(value):
                    out[column] = Decimal(value)
                else:
                    self.say(number, column, "NumericFormat", f"{value!r}")
            elif kind == TIME:
                try:
                    if not INSTANT.fullmatch(value):
                        raise ValueError
                    out[column] = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
                except ValueError:
                    self.say(number, column, "DateTimeFormat", f"expected YYYY-MM-DDTHH:mm:ssZ, found {value!r}")
            elif kind == KEYS:
                try:
                    pairs = parse_json(value)
                    if not isinstance(pairs, dict) or any(isinstance(v, (dict, list)) for v in pairs.values()):
                        raise ValueError("expected an object of plain values")
                    out[column] = value
                except ValueError as why:
                    self.say(number, column, "KeyValueFormat", str(why))
            else:
                out[column] = value
        return out

    def nulls(self, number, v):
        category, correction = v.get("ChargeCategory"), v.get("ChargeClass") == "Correction"
        bought = category in ("Usage", "Purchase") and not correction

        def null(column, why):
            if self.has(column) and v[column] is not None:
                self.say(number, column, "Null", f"must be null {why}")

        def given(column, why):
            if self.has(column) and v[column] is None:
                self.say(number, column, "NotNull", f"must not be null {why}")

        for column in PRICED:
            if category == "Tax":
                null(column, "for a tax")
            elif bought:
                given(column, f"for {category} that is no correction")
        for column, other in PAIRS:
            if self.has(other):
                (null if v[other] is None else given)(column, f"as {other} is {'null' if v[other] is None else 'not null'}")
        for column, other in FOLLOWS:
            if self.has(other) and v[other] is None:
                null(column, f"as {other} is null")
        for prefix in ("CapacityReservation", "CommitmentDiscount"):
            if v.get(prefix + "Id") is not None and category == "Usage":
                given(prefix + "Status", f"for Usage with a {prefix}Id")
        if category != "Usage" or v.get("CommitmentDiscountStatus") == "Unused":
            null("ConsumedQuantity", "but for usage")
        elif bought:
            given("ConsumedQuantity", "for Usage")
        if category not in ("Usage", "Purchase") or v.get("CommitmentDiscountId") is None:
            null("CommitmentDiscountQuantity", "without a commitment discount")
        elif bought:
            given("CommitmentDiscountQuantity", "with a commitment discount")

    def words(self, number, v):
        for column, allowed in ALLOWED.items():
            if v.get(column) is not None and v[column] not in allowed:
                self.say(number, column, "AllowedValues", f"{v[column]!r} is not one of {', '.join(sorted(allowed))}")
        category, sub = v.get("ServiceCategory"), v.get("ServiceSubcategory")
        if sub is not None and category in SUBCATEGORIES:
            if sub not in SUBCATEGORIES[category].split("|") + [f"Other ({category})"]:
                self.say(number, "ServiceSubcategory", "AllowedValues", f"{sub!r} is no subcategory of {category}")
        if v.get("BillingCurrency") is not None and v["BillingCurrency"] not in ISO_4217:  # PricingCurrency may be virtual
            self.say(number, "BillingCurrency", "CurrencyFormat", f"{v['BillingCurrency']!r} is no code of ISO 4217")
        if v.get("ChargeCategory") == "Purchase" and v.get("ChargeFrequency") == "Usage-Based":
            self.say(number, "ChargeFrequency", "Consistency", "a Purchase must not be Usage-Based")
        discounted = v.get("CommitmentDiscountId") is not None and v.get("ChargeCategory") == "Usage"
        if discounted and v.get("PricingCategory") not in (None, "Committed"):
            self.say(number, "PricingCategory", "Consistency", "must be Committed under a commitment discount")
        for period in ("BillingPeriod", "ChargePeriod"):
            start, end = v.get(period + "Start"), v.get(period + "End")
            if start and end and not start < end:
                self.say(number, period + "End", "Period", "the end, which is exclusive, must come after the start")
        if v.get("ResourceName") is not None and v["ResourceName"] == v.get("ResourceId"):
            self.say(number, "ResourceName", "Consistency", "must not repeat ResourceId")

    def costs(self, number, v):
        category, correction = v.get("ChargeCategory"), v.get("ChargeClass") == "Correction"
        for column in NOT_NEGATIVE:
            if v.get(column) is not None and v[column] < 0:
                self.say(number, column, "NotNegative", f"{v[column]} is below 0")
        for price, cost in PRODUCTS:
            if v.get(price) is None:
                if category == "Credit" and None not in (v.get(cost), v.get("BilledCost")) and v[cost] != v["BilledCost"]:
                    self.say(number, cost, "Arithmetic", f"must match BilledCost for a Credit without {price}")
            elif None not in (v.get("PricingQuantity"), v.get(cost)) and not correction:
                with localcontext() as context:
                    context.prec = 60
                    product = v[price] * v["PricingQuantity"]
                    if abs(product - v[cost]) > MILLIONTH:
                        self.say(number, cost, "Arithmetic", f"{price} × PricingQuantity is {product}, not {v[cost]}")
        if category == "Credit" and None not in (v.get("EffectiveCost"), v.get("BilledCost")) and v["EffectiveCost"] != v["BilledCost"]:
            self.say(number, "EffectiveCost", "Arithmetic", "must match BilledCost for a Credit")
        if v.get("InvoiceIssuerName") != v.get("ProviderName") and v.get("BilledCost") not in (None, 0):
            self.say(number, "BilledCost", "Arithmetic", "must be 0 where another than the provider invoices")

    def across(self, totals):
        once = [("SkuPriceId", "SkuId"), ("SkuPriceId", "ContractedUnitPrice"), ("CommitmentDiscountId", "CommitmentDiscountUnit")]
        for key, value in once:
            if not (self.has(key) and self.has(value)):
                continue
            seen = {}
            for number, row in enumerate(self.data.rows, 1):
                if row.get(key) is None or row.get(value) is None or row.get("ChargeClass") == "Correction":
                    continue
                if seen.setdefault(row[key], row[value]) != row[value]:
                    self.say(number, value, "Unique", f"{key} {row[key]} has {seen[row[key]]!r} elsewhere")
        billed = {}
        for row in self.data.rows:
            try:
                key = row.get("InvoiceId")
                billed[key] = billed.get(key, Decimal(0)) + Decimal(row["BilledCost"])
            except (ArithmeticError, KeyError, TypeError):
                pass  # said above
        for invoice, total in totals:
            if billed.get(invoice) != total:
                self.say(0, "BilledCost", "InvoiceTotal", f"the rows of {invoice} add up to {billed.get(invoice)}, the invoice to {total}")


def validate(text, is_json, totals=()):
    try:
        data = (read_json if is_json else read_csv)(text)
    except (ValueError, csv.Error) as why:
        return [(0, "", "Format", str(why))]
    return Validator(data).run(totals)


# --- self-test -----------------------------------------------------------------------------------------------------------

GOOD = {
    "BilledCost": "24.9", "BillingAccountId": "a1", "BillingAccountName": "Acme, \"the\" customer", "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-08-01T00:00:00Z", "BillingPeriodStart": "2026-07-01T00:00:00Z",
    "CapacityReservationId": "a1/main", "CapacityReservationStatus": "Used", "ChargeCategory": "Usage", "ChargeClass": None,
    "ChargeDescription": "GPU time", "ChargeFrequency": "Usage-Based", "ChargePeriodEnd": "2026-08-01T00:00:00Z",
    "ChargePeriodStart": "2026-07-01T00:00:00Z", "ConsumedQuantity": "10", "ConsumedUnit": "GPU-Hours", "ContractedCost": "24.9",
    "ContractedUnitPrice": "2.49", "EffectiveCost": "24.9", "InvoiceId": "i1", "InvoiceIssuerName": "P", "ListCost": "30",
    "ListUnitPrice": "3", "PricingCategory": "Standard", "PricingQuantity": "10", "PricingUnit": "GPU-Hours", "ProviderName": "P",
    "PublisherName": "P", "RegionId": "north", "RegionName": "North", "ServiceCategory": "Compute", "ServiceName": "GPU",
    "ServiceSubcategory": "Other (Compute)", "SkuId": "gpu", "SkuMeter": "GPU time", "SkuPriceDetails": "{\"x_Model\":\"h200\"}",
    "SkuPriceId": "gpu-1", "SubAccountId": "a1/p", "SubAccountName": "p", "SubAccountType": "Project", "Tags": "{\"team\":\"red\"}",
    "x_Note": "ours",
}
NO_TAX = ["CapacityReservationId", "CapacityReservationStatus", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice",
          "PricingCategory", "PricingQuantity", "PricingUnit", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId"]
TAX = {**GOOD, **dict.fromkeys(NO_TAX), "ChargeCategory": "Tax", "BilledCost": "4.98", "EffectiveCost": "4.98", "ContractedCost": "4.98",
       "ListCost": "6", "ServiceName": "Tax", "ServiceCategory": "Other", "ServiceSubcategory": "Other (Other)"}
CREDIT = {**GOOD, **dict.fromkeys(NO_TAX), "ChargeCategory": "Credit", "ChargeFrequency": "One-Time", "BilledCost": "-1",
          "EffectiveCost": "-1", "ContractedCost": "-1", "ListCost": "-1"}


def write(rows, is_json, columns):
    if is_json:
        def literal(column, value):
            number = value is not None and COLUMNS.get(column, (TEXT,))[0] == DECIMAL
            return value if number else json.dumps(value)
        return "[" + ",".join("{" + ",".join(f"{json.dumps(c)}:{literal(c, row[c])}" for c in columns) + "}" for row in rows) + "]"
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([row[c] for c in columns] for row in rows)
    return out.getvalue()


def self_test():
    """Each break: what it is, the row, columns with new values (absent: dropped), the rule and column to be found."""
    drop = object()
    breaks = [
        ("a mandatory column is missing", 0, {"BilledCost": drop}, "Presence", "BilledCost"),
        ("a conditional column lacks its pair", 0, {"CapacityReservationStatus": drop}, "Presence", "CapacityReservationStatus"),
        ("an unknown column", 0, {"Colour": "red"}, "CustomColumn", "Colour"),
        ("a null where none may be", 0, {"ProviderName": None}, "NotNull", "ProviderName"),
        ("usage without a quantity", 0, {"PricingQuantity": None, "PricingUnit": None}, "NotNull", "PricingQuantity"),
        ("usage without consumption", 0, {"ConsumedQuantity": None, "ConsumedUnit": None}, "NotNull", "ConsumedQuantity"),
        ("a quantity without its unit", 0, {"PricingUnit": None}, "NotNull", "PricingUnit"),
        ("reserved usage, neither used nor unused", 0, {"CapacityReservationStatus": None}, "NotNull", "CapacityReservationStatus"),
        ("a status of no reservation", 0, {"CapacityReservationId": None}, "Null", "CapacityReservationStatus"),
        ("a region without a name", 0, {"RegionName": None}, "NotNull", "RegionName"),
        ("a sub account without an id", 0, {"SubAccountId": None}, "Null", "SubAccountName"),
        ("a tax with a unit price", 1, {"ContractedUnitPrice": "1"}, "Null", "ContractedUnitPrice"),
        ("consumption of a credit", 2, {"ConsumedQuantity": "1", "ConsumedUnit": "GPU-Hours"}, "Null", "ConsumedQuantity"),
        ("a placeholder for null", 0, {"SubAccountName": "N/A"}, "NullHandling", "SubAccountName"),
        ("an unknown charge category", 0, {"ChargeCategory": "Rent"}, "AllowedValues", "ChargeCategory"),
        ("an unknown charge class", 0, {"ChargeClass": "Fix"}, "AllowedValues", "ChargeClass"),
        ("a subcategory of another category", 0, {"ServiceSubcategory": "Object Storage"}, "AllowedValues", "ServiceSubcategory"),
        ("an unknown pricing category", 0, {"PricingCategory": "Cheap"}, "AllowedValues", "PricingCategory"),
        ("a currency that does not exist", 0, {"BillingCurrency": "USX"}, "CurrencyFormat", "BillingCurrency"),
        ("a time with an offset", 0, {"ChargePeriodStart": "2026-07-01T00:00:00+02:00"}, "DateTimeFormat", "ChargePeriodStart"),
        ("a time with fractions", 0, {"BillingPeriodStart": "2026-07-01T00:00:00.5Z"}, "DateTimeFormat", "BillingPeriodStart"),
        ("a day that does not exist", 0, {"BillingPeriodEnd": "2026-02-30T00:00:00Z"}, "DateTimeFormat", "BillingPeriodEnd"),
        ("a period that ends before it begins", 0, {"ChargePeriodEnd": "2026-06-01T00:00:00Z"}, "Period", "ChargePeriodEnd"),
        ("a number with an exponent", 0, {"PricingQuantity": "1e1"}, "NumericFormat", "PricingQuantity"),
        ("a price below 0", 0, {"ContractedUnitPrice": "-2.49"}, "NotNegative", "ContractedUnitPrice"),
        ("a contracted cost that is no product", 0, {"ContractedCost": "24.91"}, "Arithmetic", "ContractedCost"),
        ("a list cost that is no product", 0, {"ListCost": "31"}, "Arithmetic", "ListCost"),
        ("a credit whose costs differ", 2, {"EffectiveCost": "-2"}, "Arithmetic", "EffectiveCost"),
        ("a purchase by usage", 0, {"ChargeCategory": "Purchase", "CapacityReservationStatus": None, "ConsumedQuantity": None, "ConsumedUnit": None},
         "Consistency", "ChargeFrequency"),
        ("another invoices", 0, {"InvoiceIssuerName": "Q"}, "Arithmetic", "BilledCost"),
        ("tags that are no object", 0, {"Tags": "[1]"}, "KeyValueFormat", "Tags"),
        ("tags that nest", 0, {"Tags": "{\"a\":{}}"}, "KeyValueFormat", "Tags"),
        ("a SKU price of two SKUs", 3, {"SkuId": "other"}, "Unique", "SkuId"),
        ("rows that miss the invoice's total", 0, {"BilledCost": "25"}, "InvoiceTotal", "BilledCost"),
    ]
    totals = [("i1", Decimal("53.78"))]
    rows = [GOOD, TAX, CREDIT, copy.copy(GOOD)]
    failed = 0
    for is_json in (False, True):
        form = "JSON" if is_json else "CSV"
        for violation in validate(write(rows, is_json, list(GOOD)), is_json, totals):
            print(f"{form}: the good dataset was refused: {violation}")
            failed += 1
        for name, at, change, rule, column in breaks:
            broken = copy.deepcopy(rows)
            columns = [c for c in GOOD if change.get(c) is not drop] + [c for c in change if c not in GOOD]
            for i, row in enumerate(broken):
                row.update({c: v for c, v in change.items() if v is not drop and (i == at or c not in GOOD)})
            found = validate(write(broken, is_json, columns), is_json, totals)
            hit = any(f[1] == column and f[2] == rule for f in found)
            failed += not hit
            print(f"{form}: {'found' if hit else 'MISSED'}: {name} ({column}: {rule})")
    quoted = any(f[2] == "Type" for f in validate('[{"BilledCost":"1"}]', True))
    failed += not quoted
    print(f"JSON: {'found' if quoted else 'MISSED'}: a number in quotes (BilledCost: Type)")
    print(f"{2 * len(breaks) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    totals, files = [], []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--total":
            invoice, _, amount = next(rest, "").rpartition("=")
            totals.append((invoice, Decimal(amount)))
        else:
            files.append(argument)
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    count = 0
    for file in files:
        with open(file, encoding="utf-8", newline="") as stream:
            text = stream.read()
        found = validate(text, text.lstrip()[:1] in ("[", "{"), totals)
        for row, column, rule, why in found:
            print(f"{file}: {f'row {row}' if row else 'dataset'}, {column}: {rule}: {why}")
        count += len(found)
        if not found:
            print(f"{file}: valid")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
