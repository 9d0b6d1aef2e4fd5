// From the words of an invoice to the words of FOCUS 1.2. Section names in comments are those of the specification.
#include "server/api/focus.h"

#include <algorithm>

#include "base/csv.h"

namespace penstock {
namespace {

// Quantities and unit prices are counted in 10⁻⁹, their products in 10⁻¹⁸.
using Wide = __int128;
constexpr Wide kNano = 1'000'000'000;
constexpr Wide kNanoPerMicro = 1'000;
constexpr Wide kAll = 1'000'000;  // of a Ppm
constexpr std::size_t kNanoPlaces = 9;
constexpr std::size_t kProductPlaces = 18;

// UnitFormat: compound units are singular-plural.
constexpr const char* kGpuHours = "GPU-Hours";
constexpr const char* kKilowattHours = "Kilowatt-Hours";
constexpr const char* kUnits = "Units";

constexpr std::array kColumns{
    FocusColumn{"BilledCost", &FocusRow::billed_cost, true},
    FocusColumn{"BillingAccountId", &FocusRow::billing_account_id, false},
    FocusColumn{"BillingAccountName", &FocusRow::billing_account_name, false},
    FocusColumn{"BillingAccountType", &FocusRow::billing_account_type, false},
    FocusColumn{"BillingCurrency", &FocusRow::billing_currency, false},
    FocusColumn{"BillingPeriodEnd", &FocusRow::billing_period_end, false},
    FocusColumn{"BillingPeriodStart", &FocusRow::billing_period_start, false},
    FocusColumn{"CapacityReservationId", &FocusRow::capacity_reservation_id, false},
    FocusColumn{"CapacityReservationStatus", &FocusRow::capacity_reservation_status, false},
    FocusColumn{"ChargeCategory", &FocusRow::charge_category, false},
    FocusColumn{"ChargeClass", &FocusRow::charge_class, false},
    FocusColumn{"ChargeDescription", &FocusRow::charge_description, false},
    FocusColumn{"ChargeFrequency", &FocusRow::charge_frequency, false},
    FocusColumn{"ChargePeriodEnd", &FocusRow::charge_period_end, false},
    FocusColumn{"ChargePeriodStart", &FocusRow::charge_period_start, false},
    FocusColumn{"ConsumedQuantity", &FocusRow::consumed_quantity, true},
    FocusColumn{"ConsumedUnit", &FocusRow::consumed_unit, false},
    FocusColumn{"ContractedCost", &FocusRow::contracted_cost, true},
    FocusColumn{"ContractedUnitPrice", &FocusRow::contracted_unit_price, true},
    FocusColumn{"EffectiveCost", &FocusRow::effective_cost, true},
    FocusColumn{"InvoiceId", &FocusRow::invoice_id, false},
    FocusColumn{"InvoiceIssuerName", &FocusRow::invoice_issuer, false},
    FocusColumn{"ListCost", &FocusRow::list_cost, true},
    FocusColumn{"PricingCategory", &FocusRow::pricing_category, false},
    FocusColumn{"PricingQuantity", &FocusRow::pricing_quantity, true},
    FocusColumn{"PricingUnit", &FocusRow::pricing_unit, false},
    FocusColumn{"ProviderName", &FocusRow::provider, false},
    FocusColumn{"PublisherName", &FocusRow::publisher, false},
    FocusColumn{"RegionId", &FocusRow::region_id, false},
    FocusColumn{"RegionName", &FocusRow::region_name, false},
    FocusColumn{"ServiceCategory", &FocusRow::service_category, false},
    FocusColumn{"ServiceName", &FocusRow::service_name, false},
    FocusColumn{"ServiceSubcategory", &FocusRow::service_subcategory, false},
    FocusColumn{"SkuId", &FocusRow::sku_id, false},
    FocusColumn{"SkuMeter", &FocusRow::sku_meter, false},
    FocusColumn{"SkuPriceDetails", &FocusRow::sku_price_details, false},
    FocusColumn{"SkuPriceId", &FocusRow::sku_price_id, false},
    FocusColumn{"SubAccountId", &FocusRow::sub_account_id, false},
    FocusColumn{"SubAccountName", &FocusRow::sub_account_name, false},
    FocusColumn{"SubAccountType", &FocusRow::sub_account_type, false},
    FocusColumn{"Tags", &FocusRow::tags, false},
    FocusColumn{"x_CarbonGrams", &FocusRow::carbon_grams, true},
    FocusColumn{"x_Contract", &FocusRow::contract, false},
    FocusColumn{"x_Country", &FocusRow::country, false},
    FocusColumn{"x_InvoiceLine", &FocusRow::invoice_line, false},
};

// `units` of 10^-places as decimal text without zeros at its end.
std::string decimal(Wide units, std::size_t places) {
  const bool negative = units < 0;
  std::string digits;
  for (Wide left = negative ? -units : units; left != 0 || digits.size() <= places; left /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(left % 10)));
  }
  digits.insert(digits.size() - places, ".");
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return negative ? "-" + digits : digits;
}

std::string cost_text(const Money& money) { return decimal(money.micros, 6); }

// a ÷ b, rounded half away from 0; b > 0.
Wide divide(Wide a, Wide b) { return (a < 0 ? a - b / 2 : a + b / 2) / b; }
Wide magnitude(Wide value) { return value < 0 ? -value : value; }

// Date/Time Format: whole seconds of UTC.
std::string time_text(Time at) { return Text<Time>::format(Time{at.ns - at.ns % 1'000'000'000}); }

FocusRow::Value present(std::string text) { return text.empty() ? FocusRow::Value() : FocusRow::Value(std::move(text)); }

// What a kind of line is in the words of the specification. What has no SKU is no usage and no purchase.
struct Meaning {
  const char* category;
  const char* frequency;
  const char* sku;
  const char* meter;
  bool reserved;       // it is about the contract's capacity reservation
  const char* status;  // of that
};

Meaning meaning_of(LineKind kind) {
  switch (kind) {
    case LineKind::kUsage: return {"Usage", "Usage-Based", "gpu-time", "GPU time", false, ""};
    case LineKind::kCommitmentUsed: return {"Usage", "Usage-Based", "gpu-capacity", "Reserved GPU time, used", true, "Used"};
    case LineKind::kCommitmentUnused: return {"Usage", "Usage-Based", "gpu-capacity", "Reserved GPU time, unused", true, "Unused"};
    case LineKind::kMonth: return {"Purchase", "Recurring", "gpu-month", "Reserved GPUs by the month", true, ""};
    case LineKind::kOverage: return {"Usage", "Usage-Based", "gpu-overage", "GPU time beyond the reservation", false, ""};
    case LineKind::kEnergy: return {"Usage", "Usage-Based", "energy", "Energy", false, ""};
    case LineKind::kMinimum: return {"Purchase", "Recurring", "minimum", "Rest of the monthly minimum", false, ""};
    case LineKind::kShedRebate: return {"Credit", "One-Time", "", "Rebate for power taken away", false, ""};
    case LineKind::kSlaCredit: return {"Credit", "One-Time", "", "Service level credit", true, ""};
    case LineKind::kAdjustment: return {"Adjustment", "One-Time", "", "Adjustment", false, ""};
  }
  return {};
}

std::string describe(const InvoiceLine& line, const Meaning& meaning) {
  std::string text = meaning.meter;
  if (!line.gpu_model.empty()) text += ", " + line.gpu_model;
  return line.note.empty() ? text : text + ": " + line.note;
}

// Rows of one invoice.
class Rows {
 public:
  Rows(const Invoice& invoice, const FocusContext& context) : invoice_(invoice), context_(context) {}

  std::vector<FocusRow> make() {
    for (const InvoiceLine& line : invoice_.lines) add(line);
    if (invoice_.tax) add_tax(*invoice_.tax);
    return std::move(rows_);
  }

 private:
  FocusRow common(Time from, Time to) const {
    FocusRow row;
    row.billing_account_id = invoice_.tenant;
    row.billing_account_name = context_.tenant_name.empty() ? invoice_.tenant : context_.tenant_name;
    row.billing_account_type = "Tenant";
    row.billing_currency = invoice_.total.currency;
    row.billing_period_start = time_text(invoice_.from);
    row.billing_period_end = time_text(invoice_.to);
    row.charge_period_start = time_text(from);
    // A stretch of terms may be shorter than the second that the format shows.
    row.charge_period_end = time_text(time_text(from) == time_text(to) ? from + seconds(1) : to);
    row.invoice_id = invoice_.name;
    row.invoice_issuer = row.provider = row.publisher = context_.provider;
    return row;
  }

  void add(const InvoiceLine& line) {
    const Meaning meaning = meaning_of(line.kind);
    FocusRow row = common(line.from, line.to);
    row.charge_category = meaning.category;
    row.charge_frequency = meaning.frequency;
    row.charge_description = describe(line, meaning);
    if (!line.corrects.empty()) row.charge_class = "Correction";  // of an invoice of a month before
    if (meaning.reserved) row.capacity_reservation_id = line.contract;
    row.capacity_reservation_status = present(meaning.status);
    const bool energy = line.kind == LineKind::kEnergy;
    row.service_category = energy ? "Other" : "Compute";
    row.service_subcategory = energy ? "Other (Other)" : "Other (Compute)";
    row.service_name = energy ? "Energy" : "GPU Compute";
    place(line, row);
    if (line.carbon) row.carbon_grams = decimal(line.carbon->count(), 3);
    row.contract = present(line.contract);
    row.invoice_line = name_of(line.kind);
    // Nothing is bought for later charges, so what is billed is what it costs in its period (EffectiveCost).
    row.billed_cost = row.effective_cost = cost_text(line.amount);
    Wide contracted = line.amount.micros * kNanoPerMicro * kNano;
    if (*meaning.sku != 0) contracted = price(line, meaning, row);
    row.contracted_cost = row.list_cost = decimal(contracted, kProductPlaces);
    contracted_ += contracted;
    rows_.push_back(std::move(row));
  }

  void place(const InvoiceLine& line, FocusRow& row) const {
    if (!line.site.empty()) {
      const FocusRegion region = context_.region ? context_.region(line.site) : FocusRegion{};
      row.region_id = line.site;
      row.region_name = region.name.empty() ? line.site : region.name;
      row.country = present(region.country);
    }
    if (!line.project.empty()) {
      row.sub_account_id = line.project;
      row.sub_account_name = line.project.substr(line.project.find('/') + 1);
      row.sub_account_type = "Project";
      const auto tags = context_.tags ? context_.tags(line.project) : std::map<std::string, std::string>{};
      if (!tags.empty()) row.tags = to_json(tags);
    }
  }

  // The quantity, the unit price and their product, which is the ContractedCost. Unit prices must not be below 0
  // (ContractedUnitPrice), so it is the quantity that takes the sign of what is given back.
  Wide price(const InvoiceLine& line, const Meaning& meaning, FocusRow& row) const {
    const bool energy = line.kind == LineKind::kEnergy;
    const bool lump = line.kind == LineKind::kMonth || line.kind == LineKind::kMinimum;
    Wide used = 0;
    if (line.gpu_time) used = mul_div_round(line.gpu_time->count(), 5, 18);            // micro-GPU-seconds
    if (energy && line.energy) used = mul_div_round(line.energy->count(), 2'500, 9);  // joules
    Wide quantity = magnitude(used);
    Wide unit_price = 0;
    if (lump || (quantity == 0 && line.amount.micros != 0)) {
      quantity = kNano;
      unit_price = magnitude(line.amount.micros * kNanoPerMicro);
      row.pricing_unit = kUnits;
    } else {
      // Energy is asked by the hours' prices: the unit price is their mean, weighted by what was used.
      const Wide amount = magnitude(line.amount.micros * kNanoPerMicro);
      unit_price = !energy && line.price ? magnitude(line.price->micros * kNanoPerMicro)
                   : quantity == 0       ? 0
                                         : divide(amount * kNano, quantity);
      row.pricing_unit = energy ? kKilowattHours : kGpuHours;
    }
    if (line.amount.micros < 0) quantity = -quantity;
    row.pricing_quantity = decimal(quantity, kNanoPlaces);
    row.contracted_unit_price = decimal(unit_price, kNanoPlaces);
    row.pricing_category = energy && line.amount.micros != 0 ? "Dynamic" : "Standard";
    if (!lump) {
      row.consumed_quantity = decimal(line.kind == LineKind::kCommitmentUnused ? 0 : used, kNanoPlaces);
      row.consumed_unit = energy ? kKilowattHours : kGpuHours;
    }
    row.sku_id = line.gpu_model.empty() ? meaning.sku : fmt::format("{}-{}", meaning.sku, line.gpu_model);
    row.sku_meter = row.capacity_reservation_status ? "Reserved GPU time" : meaning.meter;  // one meter a SKU
    row.sku_price_id = fmt::format("{}/{}@{}{}", line.contract, *row.sku_id, *row.contracted_unit_price, *row.billing_currency);
    if (!line.gpu_model.empty()) row.sku_price_details = to_json(std::map<std::string, std::string>{{"x_GpuModel", line.gpu_model}});
    return quantity * unit_price;
  }

  // A charge on charges: each of its costs comes from theirs (ContractedCost, EffectiveCost, ListCost).
  void add_tax(const TaxSpec& tax) {
    FocusRow row = common(invoice_.from, invoice_.to);
    row.charge_category = "Tax";
    row.charge_frequency = "Recurring";
    row.charge_description = fmt::format("{} {}", tax.name, Text<Ppm>::format(tax.rate));
    row.service_category = "Other";
    row.service_subcategory = "Other (Other)";
    row.service_name = "Tax";
    row.invoice_line = "tax";
    row.billed_cost = row.effective_cost = cost_text(invoice_.tax_amount);
    row.contracted_cost = row.list_cost = decimal(divide(contracted_ * tax.rate.count(), kAll * kNanoPerMicro * kNano), 6);
    rows_.push_back(std::move(row));
  }

  const Invoice& invoice_;
  const FocusContext& context_;
  Wide contracted_ = 0;
  std::vector<FocusRow> rows_;
};

}  // namespace

std::span<const FocusColumn> focus_columns() { return kColumns; }

std::vector<FocusRow> focus_rows(const Invoice& invoice, const FocusContext& context) { return Rows(invoice, context).make(); }

std::string focus_csv(const std::vector<FocusRow>& rows) {
  std::string out;
  const auto line = [&out](const auto& write) {
    for (const FocusColumn& column : kColumns) {
      if (&column != &kColumns.front()) out += ',';
      write(column);
    }
    out += "\r\n";
  };
  line([&](const FocusColumn& column) { out += column.name; });
  for (const FocusRow& row : rows) {
    line([&](const FocusColumn& column) {
      if (const FocusRow::Value& value = row.*column.member) out += csv_field(*value);
    });
  }
  return out;
}

std::string focus_json(const std::vector<FocusRow>& rows) {
  std::string out = "[";
  for (const FocusRow& row : rows) {
    out += out.size() == 1 ? "{" : ",{";
    for (const FocusColumn& column : kColumns) {
      if (&column != &kColumns.front()) out += ',';
      write_string(out, column.name);
      out += ':';
      const FocusRow::Value& value = row.*column.member;
      if (!value) {
        out += "null";
      } else if (column.number) {
        out += *value;
      } else {
        write_string(out, *value);
      }
    }
    out += '}';
  }
  return out + "]";
}

}  // namespace penstock
