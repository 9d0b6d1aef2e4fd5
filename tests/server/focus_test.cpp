// Invoices as FOCUS rows: sums, words, numbers, and the judgement of a checker that knows only the specification.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/api/focus.h"

namespace penstock {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;  // of one GPU, in micro-GPU-seconds

Time at(std::string_view text) { return *Text<Time>::parse(text); }
Money usd(std::int64_t micros) { return {micros, "USD"}; }

// One line of every kind, and the cases that are easily got wrong: amounts below 0, nothing asked, hours without an end
// in decimals, stretches below a second, text that CSV must quote.
Invoice sample() {
  Invoice invoice;
  invoice.name = "acme-2026-07-usd";
  invoice.tenant = "acme";
  invoice.month = "2026-07";
  invoice.from = at("2026-07-01");
  invoice.to = at("2026-08-01");
  const auto add = [&](LineKind kind, std::int64_t micros) -> InvoiceLine& {
    InvoiceLine line;
    line.kind = kind;
    line.contract = "acme/main";
    line.from = invoice.from;
    line.to = invoice.to;
    line.amount = usd(micros);
    invoice.lines.push_back(std::move(line));
    return invoice.lines.back();
  };
  InvoiceLine& usage = add(LineKind::kUsage, 2'490'003);  // two rows were rounded up
  usage.project = "acme/llm";
  usage.site = "north";
  usage.gpu_model = "h200";
  usage.gpu_time = GpuMicros(kHour + 1);
  usage.price = usd(2'490'000);
  usage.rows = 2;
  for (const LineKind kind : {LineKind::kCommitmentUsed, LineKind::kCommitmentUnused}) {
    InvoiceLine& line = add(kind, 2'000'000 * 100);
    line.gpu_time = GpuMicros(100 * kHour);
    line.price = usd(2'000'000);
    line.note = "8 GPUs reserved";
  }
  InvoiceLine& month = add(LineKind::kMonth, 123'456'789);
  month.gpu_time = GpuMicros(744 * kHour);
  month.note = "1 GPUs, of which 3GPU-s were used";
  month.from = invoice.from + milliseconds(100);
  month.to = invoice.from + milliseconds(200);
  InvoiceLine& overage = add(LineKind::kOverage, -500'000);  // it costs less than what was asked for it as usage
  overage.gpu_time = GpuMicros(kHour);
  overage.price = usd(-500'000);
  InvoiceLine& energy = add(LineKind::kEnergy, 1'000'000);
  energy.project = "acme/llm";
  energy.site = "north";
  energy.energy = Joules(7'000'001);
  energy.carbon = Milligrams(420'500);
  energy.price = usd(90'000);
  InvoiceLine& included = add(LineKind::kEnergy, 0);
  included.site = "north";
  included.energy = Joules(3'600'000);
  included.price = usd(90'000);
  included.note = "included in the price";
  add(LineKind::kEnergy, 70'000).site = "lab";  // the energy itself stands on the invoice in the other currency
  add(LineKind::kMinimum, 10'000'000).note = "of at least 700.00 USD";
  add(LineKind::kShedRebate, -300'000).note = "power was taken from its work";
  add(LineKind::kSlaCredit, -20'000'000).note = "98% of the reserved GPU time was there";
  InvoiceLine& adjustment = add(LineKind::kAdjustment, -1'000'000);
  adjustment.project = "acme/llm";
  adjustment.note = "goodwill, \"as agreed\"\nby phone";
  InvoiceLine& correction = add(LineKind::kAdjustment, 5'000'000);
  correction.note = "meter was wrong";
  correction.corrects = "acme-2026-06-usd";
  invoice.tax = TaxSpec{"VAT", Ppm(200'000)};
  invoice.subtotal = usd(0);
  for (const InvoiceLine& line : invoice.lines) invoice.subtotal += line.amount;
  invoice.tax_amount = usd(mul_div_round(invoice.subtotal.micros, 200'000, 1'000'000));
  invoice.total = invoice.subtotal;
  invoice.total += invoice.tax_amount;
  return invoice;
}

FocusContext context() {
  FocusContext out;
  out.provider = "Penstock, Inc.";
  out.tenant_name = "Acme \"AI\"";
  out.region = [](const std::string& site) { return site == "north" ? FocusRegion{"Narvik", "NO"} : FocusRegion{}; };
  out.tags = [](const std::string& project) -> std::map<std::string, std::string> { return {{"team", project + " \"red\""}}; };
  return out;
}

std::vector<FocusRow> rows() { return focus_rows(sample(), context()); }

const FocusRow& row_of(const std::vector<FocusRow>& all, std::string_view kind) {
  for (const FocusRow& row : all) {
    if (row.invoice_line == kind) return row;
  }
  ADD_FAILURE() << "no row of " << kind;
  return all.front();
}

TEST(Focus, HasARowForEachLineAndOneForTheTax) {
  EXPECT_EQ(rows().size(), sample().lines.size() + 1);
  Invoice untaxed = sample();
  untaxed.tax.reset();
  EXPECT_EQ(focus_rows(untaxed, context()).size(), sample().lines.size());
}

TEST(Focus, AddsUpToTheInvoice) {
  Money billed;
  Money effective;
  for (const FocusRow& row : rows()) {
    billed += *Text<Money>::parse(*row.billed_cost + " USD");
    effective += *Text<Money>::parse(*row.effective_cost + " USD");
  }
  EXPECT_EQ(billed, sample().total);
  EXPECT_EQ(effective, sample().total);
}

TEST(Focus, SaysWhatEachKindIs) {
  const auto all = rows();
  const auto said = [&](std::string_view kind) {
    const FocusRow& row = row_of(all, kind);
    return fmt::format("{} {} {} {}", *row.charge_category, *row.charge_frequency, row.capacity_reservation_id.value_or("-"),
                       row.capacity_reservation_status.value_or("-"));
  };
  EXPECT_EQ(said("usage"), "Usage Usage-Based - -");
  EXPECT_EQ(said("commitment-used"), "Usage Usage-Based acme/main Used");
  EXPECT_EQ(said("commitment-unused"), "Usage Usage-Based acme/main Unused");
  EXPECT_EQ(said("month"), "Purchase Recurring acme/main -");
  EXPECT_EQ(said("overage"), "Usage Usage-Based - -");
  EXPECT_EQ(said("energy"), "Usage Usage-Based - -");
  EXPECT_EQ(said("minimum"), "Purchase Recurring - -");
  EXPECT_EQ(said("shed-rebate"), "Credit One-Time - -");
  EXPECT_EQ(said("sla-credit"), "Credit One-Time acme/main -");
  EXPECT_EQ(said("adjustment"), "Adjustment One-Time - -");
  EXPECT_EQ(said("tax"), "Tax Recurring - -");
}

TEST(Focus, MarksOnlyWhatCorrectsAnInvoiceBefore) {
  for (const FocusRow& row : rows()) {
    EXPECT_EQ(row.charge_class.has_value(), row.charge_description->find("meter was wrong") != std::string::npos) << *row.charge_description;
  }
}

TEST(Focus, WritesNumbersExactly) {
  const auto all = rows();
  const FocusRow& usage = row_of(all, "usage");
  EXPECT_EQ(usage.pricing_quantity, "1");  // and 10⁻⁶ of a second, below 10⁻⁹ of an hour
  EXPECT_EQ(usage.contracted_unit_price, "2.49");
  EXPECT_EQ(usage.contracted_cost, "2.49");
  EXPECT_EQ(usage.list_cost, "2.49");
  EXPECT_EQ(usage.billed_cost, "2.490003");
  const FocusRow& overage = row_of(all, "overage");
  EXPECT_EQ(overage.pricing_quantity, "-1");
  EXPECT_EQ(overage.contracted_unit_price, "0.5");
  EXPECT_EQ(overage.consumed_quantity, "1");
  const FocusRow& energy = row_of(all, "energy");
  EXPECT_EQ(energy.pricing_quantity, "1.944444722");
  EXPECT_EQ(energy.contracted_unit_price, "0.514285641");
  EXPECT_EQ(energy.contracted_cost, "1.000000000242836802");
  EXPECT_EQ(energy.carbon_grams, "420.5");
  const FocusRow& month = row_of(all, "month");
  EXPECT_EQ(month.pricing_quantity, "1");
  EXPECT_EQ(month.contracted_unit_price, "123.456789");
  EXPECT_EQ(row_of(all, "commitment-unused").consumed_quantity, "0");
}

TEST(Focus, WritesWholeSecondsThatAreNeverEmpty) {
  const auto all = rows();
  const FocusRow& month = row_of(all, "month");
  EXPECT_EQ(month.charge_period_start, "2026-07-01T00:00:00Z");
  EXPECT_EQ(month.charge_period_end, "2026-07-01T00:00:01Z");
}

TEST(Focus, NamesAccountsAndPlaces) {
  const auto all = rows();
  const FocusRow& usage = row_of(all, "usage");
  EXPECT_EQ(usage.billing_account_name, "Acme \"AI\"");
  EXPECT_EQ(usage.sub_account_id, "acme/llm");
  EXPECT_EQ(usage.sub_account_name, "llm");
  EXPECT_EQ(usage.region_id, "north");
  EXPECT_EQ(usage.region_name, "Narvik");
  EXPECT_EQ(usage.country, "NO");
  EXPECT_EQ(usage.tags, R"({"team":"acme/llm \"red\""})");
  const auto bare = focus_rows(sample(), {.provider = "P", .tenant_name = {}, .region = {}, .tags = {}});
  EXPECT_EQ(bare.front().billing_account_name, "acme");
  EXPECT_EQ(bare.front().region_name, "north");
  EXPECT_FALSE(bare.front().tags);
}

TEST(Focus, QuotesCsvAndLeavesNullEmpty) {
  FocusRow row;
  row.charge_description = "a \"b\", c\r\nd";
  row.billed_cost = "1";
  const std::string csv = focus_csv({row});
  const std::string header = csv.substr(0, csv.find("\r\n"));
  EXPECT_TRUE(header.starts_with("BilledCost,BillingAccountId,")) << header;
  EXPECT_EQ(csv.substr(header.size() + 2, 2), "1,");
  EXPECT_NE(csv.find(",\"a \"\"b\"\", c\r\nd\","), std::string::npos) << csv;
  EXPECT_TRUE(csv.ends_with(",\r\n"));
  EXPECT_EQ(focus_csv({}), header + "\r\n");
}

TEST(Focus, WritesJsonNumbersAndNulls) {
  FocusRow row;
  row.billed_cost = "-0.000001";
  row.tags = R"({"a":"b"})";
  const std::string text = focus_json({row, row});
  EXPECT_TRUE(text.starts_with(R"([{"BilledCost":-0.000001,"BillingAccountId":null,)")) << text;
  EXPECT_NE(text.find(R"("Tags":"{\"a\":\"b\"}")"), std::string::npos) << text;
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->as_array().size(), 2u);
  EXPECT_EQ(parsed->as_array()[0].as_object().size(), focus_columns().size());
  EXPECT_EQ(focus_json({}), "[]");
}

TEST(Focus, IsValidByTheSpecification) {
  if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "python3 is not installed";
  std::string folder = (std::filesystem::temp_directory_path() / "penstock-focus-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto all = rows();
  std::ofstream(folder + "/invoice.csv", std::ios::binary) << focus_csv(all);
  std::ofstream(folder + "/invoice.json", std::ios::binary) << focus_json(all);
  const std::string total = Text<Money>::format({sample().total.micros, ""});
  const std::string command = fmt::format("python3 '{}/tests/focus/validate.py' --total {}={} '{}/invoice.csv' '{}/invoice.json' 2>&1",
                                          PENSTOCK_SOURCE_DIR, sample().name, total, folder, folder);
  std::string said;
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char bytes[4096];
  while (const std::size_t count = fread(bytes, 1, sizeof bytes, pipe)) said.append(bytes, count);
  EXPECT_EQ(pclose(pipe), 0) << said;
  std::filesystem::remove_all(folder);
}

TEST(Focus, TheCheckerFindsWhatIsBroken) {
  if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "python3 is not installed";
  EXPECT_EQ(std::system("python3 '" PENSTOCK_SOURCE_DIR "/tests/focus/validate.py' --self-test >/dev/null"), 0);
}

}  // namespace
}  // namespace penstock
