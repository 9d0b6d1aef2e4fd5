// Invoices as rows of FOCUS 1.2, the FinOps Open Cost and Usage Specification, which tools for cloud costs read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/ledger/books.h"

namespace penstock {

/// A charge. The columns that FOCUS 1.2 demands of every provider, its conditional and recommended ones that a provider
/// of GPUs under contracts has, and a few of our own, `x_…`, as its section Column Handling allows. Absent is null.
/// Numbers are decimal text of its section Numeric Format, exact, made from integers. No column: commitment discounts
/// (by the glossary public offers "without special contract arrangements"; contracts are capacity reservations),
/// list unit prices (there is no list without discounts), pricing currencies (nothing is converted), resources (what is
/// asked is the time of a project, not a machine).
struct FocusRow {
  using Value = std::optional<std::string>;
  Value billed_cost, contracted_cost, effective_cost, list_cost;
  Value billing_account_id, billing_account_name, billing_account_type;
  Value billing_currency, billing_period_start, billing_period_end;
  Value capacity_reservation_id, capacity_reservation_status;
  Value charge_category, charge_class, charge_description, charge_frequency, charge_period_start, charge_period_end;
  Value consumed_quantity, consumed_unit;
  Value contracted_unit_price, pricing_category, pricing_quantity, pricing_unit;
  Value invoice_id, invoice_issuer, provider, publisher;
  Value region_id, region_name;
  Value service_category, service_name, service_subcategory;
  Value sku_id, sku_meter, sku_price_details, sku_price_id;
  Value sub_account_id, sub_account_name, sub_account_type;
  Value tags;
  Value carbon_grams, contract, country, invoice_line;

  bool operator==(const FocusRow&) const = default;
};

/// A column by its ID in the specification.
struct FocusColumn {
  std::string_view name;
  FocusRow::Value FocusRow::*member;
  bool number;  ///< type Decimal; else text
};

/// All columns in the order in which they are written: the specification's by name, then our own.
std::span<const FocusColumn> focus_columns();

struct FocusRegion {
  std::string name;     ///< for people; empty: the site's name
  std::string country;  ///< ISO 3166-1 alpha-2; empty: not known
};

/// What an invoice does not say itself. Functions may be empty.
struct FocusContext {
  std::string provider;     ///< who provides, publishes and invoices; not empty
  std::string tenant_name;  ///< the tenant's display name; empty: its id
  std::function<FocusRegion(const std::string& site)> region;
  std::function<std::map<std::string, std::string>(const std::string& project)> tags;  ///< labels of tenant/project
};

/// A row for every line, and one for the tax. Their BilledCost adds up to the invoice's total, and so does their
/// EffectiveCost. ContractedCost is the exact product of unit price and quantity, where there is a unit price; it differs
/// from BilledCost by what the invoice rounded, below a millionth for each metered row and 10⁻⁹ of the amount.
std::vector<FocusRow> focus_rows(const Invoice& invoice, const FocusContext& context);

/// RFC 4180 with a header; null is an empty field.
std::string focus_csv(const std::vector<FocusRow>& rows);
/// An array of objects that all have every column; numbers are JSON numbers, null is null.
std::string focus_json(const std::vector<FocusRow>& rows);

}  // namespace penstock
