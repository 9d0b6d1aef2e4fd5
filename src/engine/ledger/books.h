// The books: usage by month, what stands at the sites' meters, accounts in double entry, invoices.
#pragma once

#include "base/json.h"
#include "base/time.h"
#include "spec/tenancy.h"

namespace penstock {

/// Rows of usage of one kind, added up: the same project, contract, model, site and price.
struct Tally {
  std::string project;
  std::string contract;
  std::string gpu_model;
  std::string site;
  Money price;
  std::int64_t rows = 0;
  GpuMicros gpu_time;
  GpuMicros shed_time;
  Joules energy;
  Joules modelled;
  Joules imported;
  Money cost;
  Money rebate;
  std::vector<Money> energy_cost;
  Milligrams carbon;

  static constexpr auto schema() {
    return object("Tally", "Rows of usage of one kind, added up.",
                  field("project", &Tally::project, required, "tenant/project"),
                  field("contract", &Tally::contract, required, "contract"),
                  field("gpuModel", &Tally::gpu_model, required, "GPU models"),
                  field("site", &Tally::site, required, "where"),
                  field("price", &Tally::price, required, "of one GPU for one hour"),
                  field("rows", &Tally::rows, required, "how many rows of usage"),
                  field("gpuTime", &Tally::gpu_time, required, "GPU time held"),
                  field("shedTime", &Tally::shed_time, optional, "part of it with power taken away"),
                  field("energy", &Tally::energy, required, "energy at the nodes"),
                  field("modelled", &Tally::modelled, required, "part of it that no meter has shown"),
                  field("imported", &Tally::imported, required, "what it added to the site's import, by the model"),
                  field("cost", &Tally::cost, required, "charged by GPU time"),
                  field("rebate", &Tally::rebate, optional, "to be given back for what was shed"),
                  field("energyCost", &Tally::energy_cost, optional, "the energy by the site's prices, by currency"),
                  field("carbon", &Tally::carbon, required, "carbon dioxide"));
  }
  bool operator==(const Tally&) const = default;
};

/// What a site's own meter has shown for a stretch of time.
struct Reading {
  std::string site;
  Time from;
  Time to;
  Joules energy;

  static constexpr auto schema() {
    return object("Reading", "What a site's own meter has shown for a stretch of time.",
                  field("site", &Reading::site, required, "which site"),
                  field("from", &Reading::from, required, "when the stretch begins"),
                  field("to", &Reading::to, required, "when it ends; in the same month"),
                  field("energy", &Reading::energy, required, "what the site imported in it"));
  }
  bool operator==(const Reading&) const = default;
};

/// A charge or a credit that someone decided on, with the reason.
struct Adjustment {
  std::string project;
  std::string contract;
  Money amount;
  std::string note;
  std::string corrects;

  static constexpr auto schema() {
    return object("Adjustment", "A charge, or a credit below 0, that someone decided on.",
                  field("project", &Adjustment::project, required, "tenant/project"),
                  field("contract", &Adjustment::contract, required, "contract"),
                  field("amount", &Adjustment::amount, required, "without tax; below 0 a credit"),
                  field("note", &Adjustment::note, required, "why; it stands on the invoice"),
                  field("corrects", &Adjustment::corrects, optional, "the invoice that it corrects"));
  }
  bool operator==(const Adjustment&) const = default;
};

/// A site's month.
struct SiteMonth {
  Time since;          ///< of the sums
  Joules standing;     ///< what flows without work: idle nodes, cooling, losses at no load; by the model
  GpuMicros capacity;  ///< GPU time of all delivered GPUs
  Joules imported;     ///< what work added, by the model
  std::map<Time, Reading> readings;

  static constexpr auto schema() {
    return object("SiteMonth", "A site's month.", field("since", &SiteMonth::since, required, ""),
                  field("standing", &SiteMonth::standing, required, ""),
                  field("capacity", &SiteMonth::capacity, required, ""), field("imported", &SiteMonth::imported, required, ""),
                  field("readings", &SiteMonth::readings, optional, ""));
  }
  bool operator==(const SiteMonth&) const = default;
};

/// A stretch of a contract's month in which its terms did not change, and what came of them. Terms are kept here as they were: a later
/// change of the contract changes nothing before it.
struct TermsPiece {
  Time from;
  Time to;
  std::int64_t gpus = 0;  ///< by the ramp
  std::optional<Billing> billing;
  Money price;
  std::optional<Money> per_month;
  std::optional<Money> minimum;
  std::optional<OverageSpec> overage;
  std::optional<EnergyTerms> energy;
  std::optional<SlaSpec> sla;
  GpuMicros held;
  GpuMicros over;     ///< held beyond the ramp
  GpuMicros missing;  ///< reserved and not there, beyond the time to replace it

  bool same_terms(const TermsPiece& other) const {
    return gpus == other.gpus && billing == other.billing && price == other.price && per_month == other.per_month &&
           minimum == other.minimum && overage == other.overage && energy == other.energy && sla == other.sla;
  }
  static constexpr auto schema() {
    return object("TermsPiece", "A stretch of a contract's month in which its terms did not change.",
                  field("from", &TermsPiece::from, required, ""), field("to", &TermsPiece::to, required, ""),
                  field("gpus", &TermsPiece::gpus, optional, ""), field("billing", &TermsPiece::billing, optional, ""),
                  field("price", &TermsPiece::price, required, ""), field("perMonth", &TermsPiece::per_month, optional, ""),
                  field("minimum", &TermsPiece::minimum, optional, ""), field("overage", &TermsPiece::overage, optional, ""),
                  field("energy", &TermsPiece::energy, optional, ""), field("sla", &TermsPiece::sla, optional, ""),
                  field("held", &TermsPiece::held, required, ""), field("over", &TermsPiece::over, required, ""),
                  field("missing", &TermsPiece::missing, required, ""));
  }
  bool operator==(const TermsPiece&) const = default;
};

struct MonthBook {
  Time from;
  Time to;
  std::map<std::string, Tally> tallies;
  std::map<std::string, SiteMonth> sites;
  std::map<std::string, std::vector<TermsPiece>> contracts;
  std::vector<Adjustment> adjustments;

  static constexpr auto schema() {
    return object("MonthBook", "A month that has not been closed.", field("from", &MonthBook::from, required, ""),
                  field("to", &MonthBook::to, required, ""), field("tallies", &MonthBook::tallies, optional, ""),
                  field("sites", &MonthBook::sites, optional, ""), field("contracts", &MonthBook::contracts, optional, ""),
                  field("adjustments", &MonthBook::adjustments, optional, ""));
  }
  bool operator==(const MonthBook&) const = default;
};

/// Up to when a site's standing load has been added up.
struct StandingMeter {
  Time as_of;
  std::int64_t rest = 0;  ///< 10⁻¹⁵ J, below 1 J

  static constexpr auto schema() {
    return object("StandingMeter", "Up to when a site's standing load has been added up.",
                  field("asOf", &StandingMeter::as_of, required, ""), field("rest", &StandingMeter::rest, optional, ""));
  }
  bool operator==(const StandingMeter&) const = default;
};

/// GPUs of a contract that have been missing since.
struct Gap {
  Time since;
  Time counted;  ///< up to when they have been counted
  std::int64_t gpus = 0;

  static constexpr auto schema() {
    return object("Gap", "GPUs of a contract that have been missing since.", field("since", &Gap::since, required, ""),
                  field("counted", &Gap::counted, required, ""), field("gpus", &Gap::gpus, required, ""));
  }
  bool operator==(const Gap&) const = default;
};

/// Up to when a contract's month has been added up, and what is missing now, the oldest first.
struct RightMeter {
  Time as_of;
  std::vector<Gap> gaps;

  static constexpr auto schema() {
    return object("RightMeter", "Up to when a contract's month has been added up.",
                  field("asOf", &RightMeter::as_of, required, ""), field("gaps", &RightMeter::gaps, optional, ""));
  }
  bool operator==(const RightMeter&) const = default;
};

/// What a project has spent in a month by GPU time, and which alerts have been raised.
struct Spending {
  std::string month;
  Time as_of;
  std::int64_t spent = 0;  ///< millionths of the budget's currency, up to then
  std::int64_t rest = 0;   ///< below a millionth: milli-GPU × price × ns, of an hour
  std::int64_t told = 0;   ///< alerts
  bool stopped = false;

  static constexpr auto schema() {
    return object("Spending", "What a project has spent in a month.", field("month", &Spending::month, required, ""),
                  field("asOf", &Spending::as_of, required, ""), field("spent", &Spending::spent, required, ""),
                  field("rest", &Spending::rest, optional, ""), field("told", &Spending::told, optional, ""),
                  field("stopped", &Spending::stopped, optional, ""));
  }
  bool operator==(const Spending&) const = default;
};

struct Books {
  Time cut;  ///< everything before has been metered in rows
  bool assess = false;  ///< what is missing of contracts must be counted anew, with the next event
  std::map<std::string, MonthBook> months;            ///< not closed yet
  std::string closed;                                 ///< the last month that was
  std::map<std::string, StandingMeter> standing;      ///< by site
  std::map<std::string, RightMeter> rights;           ///< by contract
  std::map<std::string, Spending> spending;           ///< by project with a budget
  std::map<std::string, std::int64_t> accounts;       ///< `account CUR`: millionths, debit above 0
  std::map<std::string, std::int64_t> prepaid;        ///< `tenant CUR`: what was received in advance, as far as it has been booked
  std::uint64_t entries = 0;
  std::uint64_t invoices = 0;

  static constexpr auto schema() {
    return object("Books", "The books.", field("cut", &Books::cut, required, ""),
                  field("assess", &Books::assess, optional, ""),
                  field("months", &Books::months, optional, ""), field("closed", &Books::closed, optional, ""),
                  field("standing", &Books::standing, optional, ""), field("rights", &Books::rights, optional, ""),
                  field("spending", &Books::spending, optional, ""), field("accounts", &Books::accounts, optional, ""),
                  field("prepaid", &Books::prepaid, optional, ""),
                  field("entries", &Books::entries, optional, ""), field("invoices", &Books::invoices, optional, ""));
  }
  bool operator==(const Books&) const = default;
};

/// One side of an entry: debit above 0, credit below.
struct Posting {
  std::string account;
  Money amount;

  static constexpr auto schema() {
    return object("Posting", "One side of an entry.", field("account", &Posting::account, required, "e.g. receivable:acme"),
                  field("amount", &Posting::amount, required, "debit above 0, credit below"));
  }
  bool operator==(const Posting&) const = default;
};

/// An entry in the ledger. Its postings add up to 0 in each currency.
struct Entry {
  std::uint64_t number = 0;
  std::string month;
  std::string memo;
  std::vector<Posting> postings;

  static constexpr auto schema() {
    return object("Entry", "An entry in the ledger: its postings add up to 0 in each currency.",
                  field("number", &Entry::number, required, "without gaps"), field("month", &Entry::month, required, "of what it is for"),
                  field("memo", &Entry::memo, required, "what it is"), field("postings", &Entry::postings, required, "its sides"));
  }
  bool operator==(const Entry&) const = default;
};

/// What a line of an invoice is for.
enum class LineKind { kUsage, kCommitmentUsed, kCommitmentUnused, kMonth, kOverage, kEnergy, kMinimum, kShedRebate, kSlaCredit,
                      kAdjustment };
constexpr auto enum_names(LineKind) {
  using K = LineKind;
  return std::array{EnumName<K>{K::kUsage, "usage"},
                    EnumName<K>{K::kCommitmentUsed, "commitment-used"},
                    EnumName<K>{K::kCommitmentUnused, "commitment-unused"},
                    EnumName<K>{K::kMonth, "month"},
                    EnumName<K>{K::kOverage, "overage"},
                    EnumName<K>{K::kEnergy, "energy"},
                    EnumName<K>{K::kMinimum, "minimum"},
                    EnumName<K>{K::kShedRebate, "shed-rebate"},
                    EnumName<K>{K::kSlaCredit, "sla-credit"},
                    EnumName<K>{K::kAdjustment, "adjustment"}};
}

struct InvoiceLine {
  LineKind kind = LineKind::kUsage;
  std::string contract;
  std::string project;
  std::string site;
  std::string gpu_model;
  Time from;
  Time to;
  std::optional<GpuMicros> gpu_time;
  std::optional<Joules> energy;
  std::optional<Milligrams> carbon;
  std::optional<Money> price;
  std::int64_t rows = 0;
  Money amount;
  std::string note;
  std::string corrects;

  static constexpr auto schema() {
    return object("InvoiceLine", "A line of an invoice.", field("kind", &InvoiceLine::kind, required, "what it is for"),
                  field("contract", &InvoiceLine::contract, required, "contract"),
                  field("project", &InvoiceLine::project, optional, "tenant/project; none: of the whole tenant"),
                  field("site", &InvoiceLine::site, optional, "where"),
                  field("gpuModel", &InvoiceLine::gpu_model, optional, "GPU models"),
                  field("from", &InvoiceLine::from, required, "of what was used or kept"),
                  field("to", &InvoiceLine::to, required, "of what was used or kept"),
                  field("gpuTime", &InvoiceLine::gpu_time, optional, "GPU time"),
                  field("energy", &InvoiceLine::energy, optional, "of the work and its part of the site's idle power and overhead"),
                  field("carbon", &InvoiceLine::carbon, optional, "carbon dioxide of that energy"),
                  field("price", &InvoiceLine::price, optional, "of one GPU for one hour, or one kWh on average"),
                  field("rows", &InvoiceLine::rows, optional, "how many rows of usage it is made of"),
                  field("amount", &InvoiceLine::amount, required, "without tax; below 0 it is given back"),
                  field("note", &InvoiceLine::note, optional, "for people"),
                  field("corrects", &InvoiceLine::corrects, optional, "the invoice that an adjustment corrects"));
  }
  bool operator==(const InvoiceLine&) const = default;
};

/// What a tenant is asked for one month in one currency.
struct Invoice {
  std::string name;
  std::uint64_t number = 0;
  std::string tenant;
  std::string month;
  Time from;
  Time to;
  std::vector<InvoiceLine> lines;
  Money subtotal;
  std::optional<TaxSpec> tax;
  Money tax_amount;
  Money total;
  Money received;
  Money prepaid;
  Money due;

  static constexpr auto schema() {
    return object("Invoice", "What a tenant is asked for one month in one currency.",
                  field("name", &Invoice::name, required, "tenant-month-currency"),
                  field("number", &Invoice::number, required, "without gaps, over all tenants"),
                  field("tenant", &Invoice::tenant, required, "who is asked"), field("month", &Invoice::month, required, "for when"),
                  field("from", &Invoice::from, required, "when the month begins"), field("to", &Invoice::to, required, "when it ends"),
                  field("lines", &Invoice::lines, required, "what for"),
                  field("subtotal", &Invoice::subtotal, required, "the sum of the lines"),
                  field("tax", &Invoice::tax, optional, "the tenant's tax"),
                  field("taxAmount", &Invoice::tax_amount, required, "of the subtotal, rounded half away from 0 to a millionth"),
                  field("total", &Invoice::total, required, "with tax"),
                  field("received", &Invoice::received, required, "what contracts since the invoice before say was paid in advance"),
                  field("prepaid", &Invoice::prepaid, required, "taken from what was paid in advance"),
                  field("due", &Invoice::due, required, "what is left to pay; below 0 it is owed to the tenant"));
  }
  bool operator==(const Invoice&) const = default;
};

/// A part of a site's energy.
struct EnergyPart {
  std::string contract;
  std::string project;
  Joules work;
  Joules shared;

  static constexpr auto schema() {
    return object("EnergyPart", "A part of a site's energy.",
                  field("contract", &EnergyPart::contract, optional, "whose; none: the provider's own"),
                  field("project", &EnergyPart::project, optional, "tenant/project; none: reserved and not used"),
                  field("work", &EnergyPart::work, required, "of its nodes at work"),
                  field("shared", &EnergyPart::shared, required, "its part of the rest: idle power, cooling, losses"));
  }
  bool operator==(const EnergyPart&) const = default;
};

/// Where a site's energy of a month went. Its parts add up to what was imported.
struct EnergyBalance {
  std::string site;
  Joules imported;
  Ppm measured;
  Joules modelled;
  std::optional<Money> price;
  std::optional<std::int64_t> grams;
  std::vector<EnergyPart> parts;

  static constexpr auto schema() {
    return object("EnergyBalance", "Where a site's energy of a month went.", field("site", &EnergyBalance::site, required, "which"),
                  field("imported", &EnergyBalance::imported, required, "by its meter, and by the model where that has shown nothing"),
                  field("measured", &EnergyBalance::measured, required, "part of the month that its meter has shown"),
                  field("modelled", &EnergyBalance::modelled, required, "by the model alone"),
                  field("price", &EnergyBalance::price, optional, "mean price of one kWh over the month"),
                  field("grams", &EnergyBalance::grams, optional, "mean grams of carbon dioxide of one kWh over the month"),
                  field("parts", &EnergyBalance::parts, required, "they add up to what was imported"));
  }
  bool operator==(const EnergyBalance&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(Books);
PENSTOCK_JSON_ELSEWHERE(Invoice);

}  // namespace penstock
