// From rows of usage to invoices: months, terms, credits, energy, budgets, and a ledger that balances.
#include <random>

#include "base/month.h"
#include "engine/ledger/bookkeeping.h"
#include "engine/ledger/closing.h"
#include "engine/power/outlook.h"
#include "estate/energy.h"
#include "world.h"

namespace penstock {
namespace {

constexpr std::int64_t kUsd = 1'000'000;

class Billing : public testing::Test {
 protected:
  void SetUp() override { world_.settle_usual(); }

  static Time at(const char* text) { return *Text<Time>::parse(text); }
  void until(const char* text) {
    world_.now = at(text);
    world_.tick();
  }
  ContractSpec reserved(std::int64_t gpus, const char* from = "2026-06-01") {
    ContractSpec spec = contract();
    spec.service_class = ServiceClass::kReserved;
    spec.gpu_models = {"h200"};
    spec.ramp = {{at(from), gpus}};
    spec.billing = penstock::Billing::kCapacity;
    return spec;
  }
  std::vector<Invoice> invoices() const {
    std::vector<Invoice> out;
    for (const EventRecord& record : world_.events()) {
      if (const auto* event = std::get_if<InvoiceIssued>(&record.event)) out.push_back(event->invoice);
    }
    return out;
  }
  std::vector<MonthClosed> closings() const {
    std::vector<MonthClosed> out;
    for (const EventRecord& record : world_.events()) {
      if (const auto* event = std::get_if<MonthClosed>(&record.event)) out.push_back(*event);
    }
    return out;
  }
  std::vector<Usage> rows() const {
    std::vector<Usage> out;
    for (const EventRecord& record : world_.events()) {
      if (const auto* event = std::get_if<UsageRecorded>(&record.event)) out.push_back(event->usage);
    }
    return out;
  }
  // The lines of an invoice, `kind amount`, without those of energy that cost nothing.
  static std::string lines(const Invoice& invoice) {
    std::string text;
    for (const InvoiceLine& line : invoice.lines) {
      if (line.kind == LineKind::kEnergy && line.amount.micros == 0) continue;
      if (!text.empty()) text += ", ";
      text += fmt::format("{} {}", name_of(line.kind), Text<Money>::format(line.amount));
    }
    return text;
  }
  std::int64_t balance(const std::string& account) const {
    const auto found = world_.facts().books.accounts.find(account);
    return found == world_.facts().books.accounts.end() ? 0 : found->second;
  }
  void close(const char* month) { world_.good(CloseMonth{month}); }

  World world_;
};

TEST_F(Billing, RowsAreCutAtTheEndOfTheMonth) {
  world_.now = at("2026-06-30T22:00:00Z");
  world_.start("acme/llm/a", gang(1, 8000));
  until("2026-07-01T00:00:03Z");
  ASSERT_EQ(rows().size(), 1u);
  EXPECT_EQ(rows()[0].to, at("2026-07-01"));
  EXPECT_TRUE(rows()[0].continues);
  EXPECT_EQ(rows()[0].cost, (Money{32 * kUsd, "USD"}));
  world_.now = at("2026-07-01T01:00:00Z");
  world_.finish("acme/llm/a");
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[1].from, at("2026-07-01"));
  EXPECT_EQ(rows()[1].cost, (Money{16 * kUsd, "USD"}));
  EXPECT_FALSE(rows()[1].continues);
  EXPECT_EQ(world_.job("acme/llm/a").usage->cost, (Money{48 * kUsd, "USD"}));
  EXPECT_EQ(world_.facts().books.months.at("2026-06").tallies.begin()->second.cost, (Money{32 * kUsd, "USD"}));
  EXPECT_EQ(world_.facts().books.months.at("2026-07").tallies.begin()->second.cost, (Money{16 * kUsd, "USD"}));
}

TEST_F(Billing, MonthsThatNobodySawPassAreCutOneByOne) {
  world_.start("acme/llm/a", gang(1, 8000));
  until("2026-09-10");
  std::string cuts;
  for (const EventRecord& record : world_.events()) {
    if (const auto* cut = std::get_if<BooksCut>(&record.event)) cuts += month_of(cut->at) + " ";
  }
  EXPECT_EQ(cuts, "2026-07 2026-08 2026-09 ");
  EXPECT_EQ(rows().size(), 3u);
}

TEST_F(Billing, AMeasurementAtTheEndCorrectsWhatTheModelSaid) {
  world_.now = at("2026-06-30T23:00:00Z");
  world_.start("acme/llm/a", gang(1, 8000));
  until("2026-07-01T00:00:00Z");
  EXPECT_EQ(rows()[0].energy, Joules(8'000 * 3600));
  TaskReport report = world_.exited("acme/llm/a", 0);
  report.energy = Joules(1'000'000);
  report.energy_source = EnergySource::kNvml;
  world_.now = at("2026-07-01T00:10:00Z");
  world_.report({report});
  EXPECT_EQ(rows()[1].energy, Joules(1'000'000 - 8'000 * 3600));
  EXPECT_EQ(world_.job("acme/llm/a").usage->energy, Joules(1'000'000));
}

TEST_F(Billing, AnAmendmentPricesFromItsDateOn) {
  ContractSpec spec = contract();
  AmendmentSpec row;
  row.from = at("2026-06-10");
  row.price_per_gpu_hour = Money{3 * kUsd, "USD"};
  spec.amendments = {row};
  world_.apply("acme/main", spec);
  world_.now = at("2026-06-09T23:00:00Z");
  world_.start("acme/llm/a", gang(1, 1000));
  world_.now = at("2026-06-10T01:00:00Z");
  world_.finish("acme/llm/a");
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].cost, (Money{2 * kUsd, "USD"}));
  EXPECT_EQ(rows()[1].cost, (Money{3 * kUsd, "USD"}));
}

TEST_F(Billing, AnInvoiceIsTheSumOfItsRows) {
  world_.start("acme/llm/a", gang(1, 8000));
  world_.now = world_.now + hours(3);
  world_.finish("acme/llm/a");
  EXPECT_EQ(balance("unbilled:acme USD"), 48 * kUsd);
  EXPECT_EQ(balance("revenue:gpu USD"), -48 * kUsd);
  until("2026-07-02");
  close("2026-06");
  ASSERT_EQ(invoices().size(), 1u);
  const Invoice invoice = invoices()[0];
  EXPECT_EQ(invoice.name, "acme-2026-06-usd");
  EXPECT_EQ(lines(invoice), "usage 48.00 USD");
  EXPECT_EQ(invoice.lines[0].rows, 1);
  EXPECT_EQ(invoice.total, (Money{48 * kUsd, "USD"}));
  EXPECT_EQ(balance("unbilled:acme USD"), 0);
  EXPECT_EQ(balance("receivable:acme USD"), 48 * kUsd);
}

TEST_F(Billing, AClosedMonthIsFrozen) {
  until("2026-08-02");
  EXPECT_EQ(world_.bad(CloseMonth{"2026-07"}).message, "2026-06 is open: close it first");
  close("2026-06");
  EXPECT_EQ(world_.bad(CloseMonth{"2026-06"}).message, "2026-06 is closed; nothing is added to it");
  EXPECT_EQ(world_.bad(CloseMonth{"2026-08"}).message, "2026-08 ends at 2026-09-01T00:00:00Z; it can be closed from then on");
  EXPECT_EQ(world_.bad(CloseMonth{"July"}).path, "month");
  EXPECT_EQ(world_.bad(ReadMeter{{"north", at("2026-06-01"), at("2026-06-02"), Joules(1)}}).message,
            "2026-06 is closed; nothing is added to it");
  const auto accounts = world_.facts().books.accounts;
  world_.restart();
  EXPECT_EQ(world_.bad(CloseMonth{"2026-06"}).code, Code::kFailedPrecondition);
  EXPECT_EQ(world_.facts().books.accounts, accounts);
}

TEST_F(Billing, CapacityIsPaidForHeldOrNot) {
  ContractSpec spec = reserved(16);
  spec.ramp.push_back({at("2026-06-21"), 24});
  spec.price_per_gpu_hour = {2'858'698, "USD"};
  world_.apply("acme/main", spec);
  world_.start("acme/llm/a", gang(1, 8000));
  world_.now = world_.now + hours(10);
  world_.finish("acme/llm/a");
  until("2026-07-02");
  close("2026-06");
  ASSERT_EQ(invoices().size(), 1u);
  // 16 × 480 h and 24 × 240 h; 80 GPU-hours were used.
  EXPECT_EQ(lines(invoices()[0]), "commitment-used 228.69584 USD, commitment-unused 21726.1048 USD, commitment-unused 16466.10048 USD");
  EXPECT_EQ(invoices()[0].total.micros, (16 * 480 + 24 * 240) * 2'858'698LL);
  EXPECT_EQ(balance("revenue:capacity USD"), -invoices()[0].total.micros);
  EXPECT_EQ(balance("revenue:gpu USD"), 0);
}

TEST_F(Billing, APriceForTheMonthIsPartedByTime) {
  ContractSpec spec = reserved(16, "2026-06-16");
  spec.per_month = Money{3'000 * kUsd, "USD"};
  world_.apply("acme/main", spec);
  spec.until = at("2026-07-11");
  world_.apply("acme/main", spec);
  until("2026-08-02");
  close("2026-06");
  close("2026-07");
  ASSERT_EQ(invoices().size(), 2u);
  EXPECT_EQ(lines(invoices()[0]), "month 1500.00 USD");
  EXPECT_EQ(lines(invoices()[1]), "month 967.741935 USD");  // 10 of 31 days
}

TEST_F(Billing, AnUndatedChangeDoesNotReachBack) {
  ContractSpec spec = reserved(16);
  world_.apply("acme/main", spec);
  until("2026-06-16");
  spec.price_per_gpu_hour.micros = 4 * kUsd;
  world_.apply("acme/main", spec);
  until("2026-07-01");
  close("2026-06");
  EXPECT_EQ(lines(invoices()[0]), "commitment-unused 11520.00 USD, commitment-unused 23040.00 USD");
}

TEST_F(Billing, AMinimumIsMadeUp) {
  ContractSpec spec = contract();
  spec.minimum_per_month = Money{100 * kUsd, "USD"};
  world_.apply("acme/main", spec);
  world_.start("acme/llm/a", gang(1, 8000));
  world_.now = world_.now + hours(3);
  world_.finish("acme/llm/a");
  until("2026-07-02");
  close("2026-06");
  EXPECT_EQ(lines(invoices()[0]), "usage 48.00 USD, minimum 52.00 USD");
}

TEST_F(Billing, MissingGpusAreCreditedBeyondTheTimeToReplaceThem) {
  ContractSpec spec = reserved(32);
  spec.oversold = true;  // nothing is left for spares
  spec.sla = SlaSpec{Ppm(999'000), hours(4), {{Ppm(999'000), Ppm(100'000)}, {Ppm(900'000), Ppm(250'000)}}};
  world_.apply("acme/main", spec);
  const auto lose = [&](const char* from, Duration time) {
    world_.now = at(from);
    world_.good(LoseNode{"north/h1/r1/n1", "test"});
    world_.now = world_.now + time;
    world_.good(GiveBackNode{"north/h1/r1/n1"});
  };
  lose("2026-06-03", hours(4));                       // replaced in time
  lose("2026-06-28", hours(4) + hours(78));  // 8 GPUs for 78 h beyond that, 10 h of them in July
  until("2026-07-31");
  until("2026-08-01");
  close("2026-06");
  close("2026-07");
  ASSERT_EQ(invoices().size(), 2u);
  const Invoice june = invoices()[0];
  EXPECT_EQ(lines(june), "commitment-unused 46080.00 USD, sla-credit -4608.00 USD");
  EXPECT_EQ(june.lines.back().gpu_time, GpuMicros(8LL * 68 * kMicrosPerHour));
  EXPECT_EQ(june.lines.back().note, "97.6388% of the reserved GPU time was there, 99.9% is promised: 10% of the price of GPUs");
  // 10 h × 8 of 744 × 32: 99.66 %.
  EXPECT_EQ(lines(invoices()[1]), "commitment-unused 47616.00 USD, sla-credit -4761.60 USD");
  EXPECT_EQ(invoices()[1].lines.back().gpu_time, GpuMicros(8LL * 10 * kMicrosPerHour));
  EXPECT_EQ(balance("credits:sla USD"), 4'608 * kUsd + 4'761'600'000);
}

TEST_F(Billing, SparesKeepTheCreditAway) {
  ContractSpec spec = reserved(24);
  spec.sla = SlaSpec{Ppm(999'999), std::nullopt, {{Ppm(999'999), Ppm(500'000)}}};
  world_.apply("acme/main", spec);
  world_.now = at("2026-06-03");
  world_.good(LoseNode{"north/h1/r1/n1", "test"});
  until("2026-07-01");
  close("2026-06");
  EXPECT_EQ(lines(invoices()[0]), "commitment-unused 34560.00 USD");
}

TEST_F(Billing, TaxAndWhatWasPaidInAdvance) {
  TenantSpec tenant;
  tenant.tax = TaxSpec{"MVA", Ppm(250'000)};
  world_.apply("acme", tenant);
  ContractSpec spec = contract();
  spec.prepaid = Money{100 * kUsd, "USD"};
  world_.apply("acme/main", spec);
  const auto month = [&](const char* end, const char* name) {
    world_.start("acme/llm/a", gang(1, 8000));
    world_.now = world_.now + hours(4);
    world_.finish("acme/llm/a");
    until(end);
    close(name);
    return invoices().back();
  };
  Invoice invoice = month("2026-07-01", "2026-06");
  EXPECT_EQ(invoice.tax_amount, (Money{16 * kUsd, "USD"}));
  EXPECT_EQ(invoice.total, (Money{80 * kUsd, "USD"}));
  EXPECT_EQ(invoice.received, (Money{100 * kUsd, "USD"}));
  EXPECT_EQ(invoice.prepaid, (Money{80 * kUsd, "USD"}));
  EXPECT_EQ(invoice.due.micros, 0);
  EXPECT_EQ(balance("prepaid:acme USD"), -20 * kUsd);
  invoice = month("2026-08-01", "2026-07");
  EXPECT_EQ(invoice.received.micros, 0);
  EXPECT_EQ(invoice.prepaid, (Money{20 * kUsd, "USD"}));
  EXPECT_EQ(invoice.due, (Money{60 * kUsd, "USD"}));
  EXPECT_EQ(balance("receivable:acme USD"), 60 * kUsd);
  EXPECT_EQ(balance("tax:MVA USD"), -32 * kUsd);
  EXPECT_EQ(balance("cash USD"), 100 * kUsd);
}

TEST_F(Billing, AnAdjustmentIsALineOfItsOwn) {
  EXPECT_EQ(world_.bad(Adjust{{"acme/llm", "acme/main", {5, "EUR"}, "why", ""}}).path, "amount");
  EXPECT_EQ(world_.bad(Adjust{{"acme/llm", "acme/main", {5, "USD"}, "", ""}}).path, "note");
  EXPECT_EQ(world_.bad(Adjust{{"acme/none", "acme/main", {5, "USD"}, "why", ""}}).path, "project");
  world_.good(Adjust{{"acme/llm", "acme/main", {-7 * kUsd, "USD"}, "the outage of May", "acme-2026-05-usd"}});
  until("2026-07-01");
  close("2026-06");
  EXPECT_EQ(lines(invoices()[0]), "adjustment -7.00 USD");
  EXPECT_EQ(invoices()[0].lines.back().note, "the outage of May");
  EXPECT_EQ(invoices()[0].lines.back().corrects, "acme-2026-05-usd");
  EXPECT_EQ(balance("adjustments USD"), 7 * kUsd);
}

// A month of jobs by chance, and what the books made of it. With trouble the server dies at random and comes back from what is durable,
// and every report comes twice, and once more late.
std::vector<std::string> books_of(std::uint32_t seed, bool trouble) {
  World world;
  world.settle_usual();
  world.watchful = false;
  ContractSpec capacity = contract();
  capacity.service_class = ServiceClass::kReserved;
  capacity.ramp = {{world.now, 16}};
  capacity.billing = penstock::Billing::kCapacity;
  capacity.gpu_models = {"h200"};
  world.apply("acme/cap", capacity);
  std::mt19937 dice(seed);
  std::mt19937 fate(seed + 1);
  std::vector<TaskReport> last;
  for (int i = 0; i < 300; ++i) {
    const std::string name = fmt::format("acme/llm/j{}", i);
    if (dice() % 2 == 0) {
      JobSpec spec = gang(1 + static_cast<std::int32_t>(dice() % 3), std::array{250, 500, 1000, 2000, 8000}[dice() % 5]);
      spec.contract = dice() % 2 == 0 ? "acme/main" : "acme/cap";
      world.submit(name, spec);
    }
    world.now = world.now + seconds(1 + static_cast<std::int64_t>(dice() % 20'000));
    if (trouble && fate() % 4 == 0) {
      world.restart();
      world.good(TakeLeadership{world.facts().epoch + 1, "1.0"});
    }
    world.tick();
    const Job* ends = nullptr;
    for (const auto& [uid, job] : world.facts().jobs) {
      if (job.holds() && (ends == nullptr || dice() % 2 == 0)) ends = &job;
    }
    if (ends == nullptr || dice() % 3 == 0) continue;
    std::vector<TaskReport> reports;
    for (std::size_t rank = 0; rank < ends->allocation->tasks.size(); ++rank) {
      TaskReport report = world.exited(ends->name, static_cast<std::int32_t>(rank), dice() % 5 == 0 ? 1 : 0);
      if (dice() % 2 == 0) report.energy = Joules(static_cast<std::int64_t>(dice() % 1'000'000));
      reports.push_back(report);
    }
    world.report(reports);
    if (trouble) {
      world.report(reports);
      world.report(last);
    }
    last = reports;
  }
  world.now = *Text<Time>::parse("2026-09-01T00:00:00Z");
  world.tick();
  for (const char* month : {"2026-06", "2026-07", "2026-08"}) world.good(CloseMonth{month});
  std::vector<std::string> out;
  for (const EventRecord& record : world.events()) {
    if (const auto* row = std::get_if<UsageRecorded>(&record.event)) out.push_back(to_json(row->usage));
    if (const auto* issued = std::get_if<InvoiceIssued>(&record.event)) out.push_back(to_json(issued->invoice));
    if (const auto* closed = std::get_if<MonthClosed>(&record.event)) out.push_back(to_json(*closed));
  }
  return out;
}

TEST(BillingTroubled, CrashesAndRepeatedReportsChangeNothing) {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const std::vector<std::string> calm = books_of(seed, false);
    EXPECT_GT(calm.size(), 100u);
    EXPECT_EQ(books_of(seed, true), calm) << "seed " << seed;
  }
}

// --- energy ----------------------------------------------------------------------------------------------------------

TEST_F(Billing, WhatIsSharedOutAddsUp) {
  EXPECT_EQ(share_out(10, {1, 1, 1}), (std::vector<std::int64_t>{4, 3, 3}));
  EXPECT_EQ(share_out(-10, {1, 1, 1}), (std::vector<std::int64_t>{-4, -3, -3}));
  EXPECT_EQ(share_out(7, {0, 0}), (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(share_out(5, {3, 0, 2}), (std::vector<std::int64_t>{3, 0, 2}));
  std::uint64_t seed = 7;
  const auto next = [&] { return seed = seed * 6364136223846793005u + 1442695040888963407u, static_cast<std::int64_t>(seed >> 20); };
  for (int i = 0; i < 1000; ++i) {
    std::vector<std::int64_t> weights(1 + static_cast<std::size_t>(next() % 20));
    for (std::int64_t& weight : weights) weight = next() % 5 == 0 ? 0 : next();
    const std::int64_t whole = next() * (i % 2 == 0 ? 1 : -1);
    std::int64_t sum = 0;
    for (const std::int64_t part : share_out(whole, weights)) sum += part;
    EXPECT_EQ(sum, whole);
  }
}

// The part of the model that counts what flows without work, and rows what work adds: together the import, at every watt.
TEST_F(Billing, TheModelledMeterIsTheImport) {
  const auto flow = [&] { return site_power(world_.state(), world_.state().estate().find_site("north"), {}, world_.now).import; };
  Joules expected;
  Time last = world_.now;
  const auto pass = [&](Duration time) {
    expected += Joules(flow().count() * (time.count() / 1'000'000'000));
    world_.now = world_.now + time;
    world_.tick();
    last = world_.now;
  };
  pass(hours(5));
  world_.start("acme/llm/a", gang(2, 8000));
  pass(hours(7));
  world_.start("acme/llm/b", gang(1, 500));
  pass(minutes(11));
  world_.finish("acme/llm/a");
  pass(at("2026-07-01") - last);
  close("2026-06");
  const EnergyBalance north = closings()[0].sites[0];
  ASSERT_EQ(north.site, "north");
  EXPECT_EQ(north.imported, expected);
  EXPECT_EQ(north.modelled, expected);
}

TEST_F(Billing, EveryJouleOfTheMeterHasAnOwner) {
  ContractSpec spec = reserved(16);
  spec.energy = EnergyTerms::kPassThrough;
  SiteSpec north = site("NO", "h200", "r[1-2]", "n[1-2]");
  north.grid = GridSpec{};
  north.grid->contracted = Watts(100'000);
  north.grid->price_per_kwh = Money{350'000, "NOK"};
  north.grid->carbon = CarbonSpec{"", {{at("2026-01-01"), 20}}};
  world_.apply({document("acme/cap", spec), document("north", north)});
  JobSpec job = gang(1, 8000);
  job.contract = "acme/cap";
  world_.start("acme/llm/a", job);
  job.contract = "acme/main";
  world_.start("acme/llm/b", job);
  until("2026-07-01");
  world_.good(ReadMeter{{"north", at("2026-06-01"), at("2026-07-01"), Joules(123'456'789'012)}});
  close("2026-06");
  const EnergyBalance site = closings()[0].sites[0];
  ASSERT_EQ(site.site, "north");
  EXPECT_EQ(site.measured, Ppm(1'000'000));
  EXPECT_EQ(site.imported, Joules(123'456'789'012));
  Joules sum;
  for (const EnergyPart& part : site.parts) sum += part.work + part.shared;
  EXPECT_EQ(sum, site.imported);
  // a and b held 8 each of 32, the contract reserved 8 more, the provider keeps 8.
  ASSERT_EQ(site.parts.size(), 4u);
  for (const EnergyPart& part : site.parts) EXPECT_NEAR(part.shared.count(), (site.imported - Joules(2 * 8'000LL * 720 * 3600)).count() / 4, 1);
  // The bills and what the provider keeps are the meter.
  Joules billed = site.parts.back().shared;
  std::int64_t crowns = 0;
  for (const Invoice& invoice : invoices()) {
    for (const InvoiceLine& line : invoice.lines) billed += line.energy.value_or(Joules());
    if (invoice.due.currency == "NOK") crowns += invoice.due.micros;
  }
  EXPECT_EQ(billed, site.imported);
  // a's own and its share, and the share of what is reserved and idle, at 0.35 NOK.
  const Joules paid = site.parts[0].shared + site.parts[1].work + site.parts[1].shared;
  EXPECT_NEAR(static_cast<double>(crowns), static_cast<double>(paid.count()) / 3.6e6 * 350'000, 2);
  EXPECT_EQ(balance("payable:energy:north NOK"), -mul_div_round(123'456'789'012, 350'000, kJoulesPerKwh));
}

TEST_F(Billing, ReadingsCountOnce) {
  until("2026-06-10");
  const Reading reading{"north", at("2026-06-02"), at("2026-06-03"), Joules(5'000'000'000)};
  world_.good(ReadMeter{reading});
  world_.said();
  world_.good(ReadMeter{reading});
  EXPECT_EQ(world_.said(), "");
  Reading other = reading;
  other.from = at("2026-06-02T12:00:00Z");
  EXPECT_EQ(world_.bad(ReadMeter{other}).code, Code::kConflict);
  other = reading;
  other.energy = Joules(6'000'000'000);
  world_.good(ReadMeter{other});
  EXPECT_EQ(world_.bad(ReadMeter{{"west", at("2026-06-02"), at("2026-06-03"), Joules(1)}}).path, "site");
  EXPECT_EQ(world_.bad(ReadMeter{{"north", at("2026-06-09"), at("2026-06-11"), Joules(1)}}).path, "to");
  EXPECT_EQ(world_.bad(ReadMeter{{"north", at("2026-05-31"), at("2026-06-02"), Joules(1)}}).path, "to");
  until("2026-07-01");
  close("2026-06");
  const EnergyBalance site = closings()[0].sites[0];
  EXPECT_EQ(site.imported, Joules(6'000'000'000) + Joules(mul_div_round(site.modelled.count(), 29, 30)));
  EXPECT_EQ(site.measured, Ppm(33'333));
}

// --- budgets ---------------------------------------------------------------------------------------------------------

TEST_F(Billing, ABudgetIsWatchedWhileWorkRuns) {
  ProjectSpec project;
  project.budget = BudgetSpec{{160 * kUsd, "USD"}, {Ppm(500'000), Ppm(1'000'000)}, true};
  world_.apply("acme/llm", project);
  world_.start("acme/llm/a", gang(1, 8000));  // 16 USD an hour
  EXPECT_EQ(world_.engine().next_due(), world_.now + hours(5));
  world_.wait(hours(5));
  world_.said();
  world_.wait(hours(4));
  EXPECT_EQ(world_.said(), "");
  world_.wait(hours(1));
  EXPECT_EQ(world_.said(), "budget.reached");
  world_.submit("acme/llm/b", gang(1, 1000));
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
  EXPECT_EQ(world_.phase("acme/llm/b"), "pending");
  EXPECT_EQ(world_.why("acme/llm/b").front().message,
            "project acme/llm has spent its budget of 160.00 USD and starts nothing new until 2026-07-01T00:00:00Z");
  until("2026-07-01");
  EXPECT_EQ(world_.phase("acme/llm/b"), "starting");
  std::string told;
  for (const EventRecord& record : world_.events()) {
    if (const auto* event = std::get_if<BudgetReached>(&record.event)) {
      told += fmt::format("{} {} {} ", event->month, Text<Ppm>::format(event->part), event->stopped);
    }
  }
  EXPECT_EQ(told, "2026-06 50% false 2026-06 100% true ");
}

TEST_F(Billing, WhatHasStartedGoesOnAfterTheBudgetIsSpent) {
  ProjectSpec project;
  project.budget = BudgetSpec{{16 * kUsd, "USD"}, {}, true};
  world_.apply("acme/llm", project);
  JobSpec spec = gang(1, 8000);
  spec.max_restarts = 3;
  world_.start("acme/llm/a", spec);
  world_.begin("acme/llm/a");
  world_.wait(hours(2));
  world_.good(LoseNode{"north/h1/" + world_.nodes("acme/llm/a"), "test"});
  world_.tick();
  EXPECT_EQ(world_.phase("acme/llm/a"), "starting");
}

}  // namespace
}  // namespace penstock
