// Plain tables and print rules.
#include "cli/invoice_page.h"

#include <fmt/format.h>

#include "sim/page/text.h"

namespace penstock {
namespace {

using page::escaped;
using page::grouped;

// value ÷ by, to three decimals, half up.
std::string decimals(std::int64_t value, std::int64_t by) {
  const std::int64_t thousandths = mul_div_round(value, 1000, by);
  const std::int64_t magnitude = thousandths < 0 ? -thousandths : thousandths;
  return fmt::format("{}{}.{:03}", thousandths < 0 ? "-" : "", grouped(magnitude / 1000), magnitude % 1000);
}

std::string day(Time time) { return Text<Time>::format(time).substr(0, 10); }

constexpr std::string_view kStyle =
    "body{font:14px/1.45 system-ui,sans-serif;color:#1c2024;max-width:1000px;margin:40px auto;padding:0 24px}"
    "h1{font-size:24px;margin:0 0 4px}p{margin:2px 0;color:#60646c}table{border-collapse:collapse;width:100%;margin-top:28px}"
    "th{text-align:left;font-size:12px;color:#60646c;border-bottom:1px solid #1c2024;padding:6px 8px}"
    "td{border-bottom:1px solid #e4e6e9;padding:7px 8px;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "small{color:#60646c;display:block}tfoot td{border:0}tfoot tr:first-child td{border-top:1px solid #1c2024}"
    "tfoot tr:last-child td{font-weight:600;font-size:16px}thead{display:table-header-group}tr{break-inside:avoid}"
    "@media print{body{margin:0;max-width:none;padding:0}@page{margin:18mm}}";

}  // namespace

std::string money_text(const Money& money) {
  const std::string text = Text<Money>::format(money);
  const bool negative = text.front() == '-';
  const std::size_t point = text.find('.');
  const std::string whole = text.substr(negative ? 1 : 0, point - (negative ? 1 : 0));
  return fmt::format("{}{}{}", negative ? "-" : "", grouped(std::stoll(whole)), text.substr(point));
}

std::string describe(const InvoiceLine& line) {
  std::string text;
  switch (line.kind) {
    case LineKind::kUsage: text = "GPU time used"; break;
    case LineKind::kCommitmentUsed: text = "Reserved GPU time, used"; break;
    case LineKind::kCommitmentUnused: text = "Reserved GPU time, not used"; break;
    case LineKind::kMonth: text = "Reserved GPUs, price of the month"; break;
    case LineKind::kOverage: text = "GPU time beyond what is reserved"; break;
    case LineKind::kEnergy: text = "Energy, with cooling and losses"; break;
    case LineKind::kMinimum: text = "Up to the minimum of the month"; break;
    case LineKind::kShedRebate: text = "Rebate for power that was taken away"; break;
    case LineKind::kSlaCredit: text = "Credit for GPUs that were not there"; break;
    case LineKind::kAdjustment: text = "Adjustment"; break;
  }
  if (!line.gpu_model.empty()) text += ", " + line.gpu_model;
  if (!line.site.empty()) text += " at " + line.site;
  return text;
}

std::string kwh_text(Joules energy) { return decimals(energy.count(), 3'600'000) + " kWh"; }

std::string gpu_hours_text(GpuMicros time) { return decimals(time.count(), 3'600'000'000) + " GPU-h"; }

std::string quantity_text(const InvoiceLine& line) {
  if (line.energy) return kwh_text(*line.energy);
  return line.gpu_time ? gpu_hours_text(*line.gpu_time) : std::string();
}

std::string invoice_page(const Invoice& invoice) {
  std::string rows;
  for (const InvoiceLine& line : invoice.lines) {
    std::string notes;
    const auto note = [&](const std::string& text) {
      if (!text.empty()) notes += fmt::format("<small>{}</small>", escaped(text));
    };
    note(line.project.empty() ? line.contract : fmt::format("{}, {}", line.contract, line.project));
    note(line.note);
    if (line.carbon) note(fmt::format("{} kg CO2", decimals(line.carbon->count(), 1'000'000)));
    rows += fmt::format("<tr><td>{}{}</td><td>{} to {}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>\n",
                        escaped(describe(line)), notes, day(line.from), day(line.to), quantity_text(line),
                        line.price ? money_text(*line.price) : "", money_text(line.amount));
  }
  std::string sums;
  const auto sum = [&](std::string_view name, const Money& amount) {
    sums += fmt::format("<tr><td colspan=4 class=n>{}</td><td class=n>{}</td></tr>\n", escaped(name), money_text(amount));
  };
  sum("Sum", invoice.subtotal);
  if (invoice.tax) sum(fmt::format("{} {}", invoice.tax->name, Text<Ppm>::format(invoice.tax->rate)), invoice.tax_amount);
  if (invoice.prepaid.micros != 0) {
    sum("Total", invoice.total);
    sum("Paid in advance", {-invoice.prepaid.micros, invoice.prepaid.currency});
  }
  sum("To pay", invoice.due);
  return fmt::format(
      "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Invoice {0}</title><style>{1}</style>\n"
      "<h1>Invoice {2}</h1><p>{0}</p><p>To {3}, for {4}: {5} to {6} (UTC)</p>\n"
      "<table><thead><tr><th>What<th>When<th class=n>How much<th class=n>Price<th class=n>Amount</tr></thead>\n<tbody>\n{7}</tbody>\n<tfoot>\n{8}</tfoot></table>\n</html>\n",
      escaped(invoice.name), kStyle, invoice.number, escaped(invoice.tenant), escaped(invoice.month), day(invoice.from), day(invoice.to), rows, sums);
}

}  // namespace penstock
