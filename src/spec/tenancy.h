// Specs of who may use what: tenants, their projects, and the contracts that sell them capacity.
#pragma once

#include "base/json.h"
#include "base/schema.h"

namespace penstock {

enum class ServiceClass { kReserved, kOnDemand, kSpot };
constexpr auto enum_names(ServiceClass) {
  using C = ServiceClass;
  return std::array{EnumName<C>{C::kReserved, "reserved"}, EnumName<C>{C::kOnDemand, "on-demand"},
                    EnumName<C>{C::kSpot, "spot"}};
}

/// What belongs to a tenant among tenants, or to a project among those of its tenant, when there is not enough for all.
struct ShareSpec {
  std::int64_t weight = 1;
  std::optional<MilliGpu> guaranteed;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Share", "What belongs to it when there is not enough for all.",
                  field("weight", &ShareSpec::weight, optional, "1 to 1000: its part beside that of its siblings"),
                  field("guaranteed", &ShareSpec::guaranteed, optional,
                        "GPUs up to which it comes before those who have theirs; what it holds above is borrowed"));
  }
  bool operator==(const ShareSpec&) const = default;
};

/// A tax that invoices add to what they ask.
struct TaxSpec {
  std::string name;
  Ppm rate;

  static constexpr auto schema() {
    return object("Tax", "A tax that invoices add to what they ask.",
                  field("name", &TaxSpec::name, required, "as it stands on the invoice, e.g. VAT"),
                  field("rate", &TaxSpec::rate, required, "of the sum of the charges"));
  }
  bool operator==(const TaxSpec&) const = default;
};

struct TenantSpec {
  std::string display_name;
  std::vector<std::string> jurisdictions;
  std::optional<ShareSpec> share;
  std::optional<TaxSpec> tax;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("TenantSpec", "A customer.",
                  field("displayName", &TenantSpec::display_name, optional, "name for people"),
                  field("jurisdictions", &TenantSpec::jurisdictions, optional,
                        "countries that its work may never leave (ISO 3166-1 alpha-2); none means anywhere"),
                  field("share", &TenantSpec::share, optional, "what belongs to it among the tenants; weight 1 if absent"),
                  field("tax", &TenantSpec::tax, optional, "tax on its invoices; none if absent"));
  }
  bool operator==(const TenantSpec&) const = default;
};

struct QuotaSpec {
  std::optional<MilliGpu> gpus;
  std::optional<std::int64_t> pending;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Quota", "The most that a project may hold.",
                  field("gpus", &QuotaSpec::gpus, optional, "GPUs held at a time"),
                  field("pending", &QuotaSpec::pending, optional, "workloads waiting at a time"));
  }
  bool operator==(const QuotaSpec&) const = default;
};

/// What a project means to spend in a calendar month (UTC). Charges of other currencies do not count.
struct BudgetSpec {
  Money per_month;
  std::vector<Ppm> alerts;
  bool stop = false;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("Budget", "What a project means to spend in a calendar month (UTC).",
                  field("perMonth", &BudgetSpec::per_month, required, "the most, without tax; charges in other currencies do not count"),
                  field("alerts", &BudgetSpec::alerts, optional, "parts of it at which an alert is raised, rising; 100% if absent"),
                  field("stop", &BudgetSpec::stop, optional,
                        "true: once it is spent nothing of the project starts until the next month; what runs goes on"));
  }
  bool operator==(const BudgetSpec&) const = default;
};

struct ProjectSpec {
  std::string display_name;
  std::optional<QuotaSpec> quota;
  std::optional<ShareSpec> share;
  std::optional<BudgetSpec> budget;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("ProjectSpec", "A part of a tenant with a quota of its own.",
                  field("displayName", &ProjectSpec::display_name, optional, "name for people"),
                  field("quota", &ProjectSpec::quota, optional, "the most it may hold; none means no limit of its own"),
                  field("share", &ProjectSpec::share, optional, "what belongs to it among the tenant's projects"),
                  field("budget", &ProjectSpec::budget, optional, "what it means to spend in a month"));
  }
  bool operator==(const ProjectSpec&) const = default;
};

struct RampStepSpec {
  Time from;
  std::int64_t gpus = 0;

  static constexpr auto schema() {
    return object("RampStep", "GPUs that the contract gives from a date on.",
                  field("from", &RampStepSpec::from, required, "when this step begins"),
                  field("gpus", &RampStepSpec::gpus, required, "GPUs from then on"));
  }
  bool operator==(const RampStepSpec&) const = default;
};

/// What a contract lets go of when a loss leaves too little power.
struct ShedSpec {
  Ppm to;
  std::optional<Ppm> rebate;

  static constexpr auto schema() {
    return object("Shed", "What may be taken from its work, for as long as a loss or an order leaves too little power.",
                  field("to", &ShedSpec::to, required,
                        "what each task keeps of the power it may draw, never less than its devices at their lowest limit; "
                        "0%: the work may be stopped and queued again"),
                  field("rebate", &ShedSpec::rebate, optional, "part of the price that is given back for that time"));
  }
  bool operator==(const ShedSpec&) const = default;
};

/// How GPUs are paid for.
enum class Billing { kUsage, kCapacity };
constexpr auto enum_names(Billing) {
  return std::array{EnumName<Billing>{Billing::kUsage, "usage"}, EnumName<Billing>{Billing::kCapacity, "capacity"}};
}

/// Who pays for energy beside the price of GPUs.
enum class EnergyTerms { kIncluded, kPassThrough };
constexpr auto enum_names(EnergyTerms) {
  return std::array{EnumName<EnergyTerms>{EnergyTerms::kIncluded, "included"},
                    EnumName<EnergyTerms>{EnergyTerms::kPassThrough, "pass-through"}};
}

/// GPUs beyond the ramp that may be held while there are free ones.
struct OverageSpec {
  std::int64_t gpus = 0;
  Money price_per_gpu_hour;

  static constexpr auto schema() {
    return object("Overage", "GPUs beyond the ramp that may be held while there are free ones.",
                  field("gpus", &OverageSpec::gpus, required, "how many at a time"),
                  field("pricePerGpuHour", &OverageSpec::price_per_gpu_hour, required, "price of one for one hour"));
  }
  bool operator==(const OverageSpec&) const = default;
};

/// What is given back of a month's price of capacity, where its availability was below a mark.
struct CreditStepSpec {
  Ppm below;
  Ppm credit;

  static constexpr auto schema() {
    return object("CreditStep", "What is given back where a month's availability was below a mark.",
                  field("below", &CreditStepSpec::below, required, "availability of the month"),
                  field("credit", &CreditStepSpec::credit, required, "part of the month's price of GPUs that is given back"));
  }
  bool operator==(const CreditStepSpec&) const = default;
};

/// What is promised of reserved GPUs: of their GPU-hours in a month, the part in which they were there. A GPU that is missing counts
/// from `replacement` on, and from then on it counts whole.
struct SlaSpec {
  Ppm availability;
  std::optional<Duration> replacement;
  std::vector<CreditStepSpec> credits;

  static constexpr auto schema() {
    return object("Sla", "What is promised of reserved GPUs.",
                  field("availability", &SlaSpec::availability, required, "part of a month's reserved GPU-hours in which they are there"),
                  field("replacement", &SlaSpec::replacement, optional,
                        "within which a lost GPU is replaced; only what is missing longer counts, from the end of it on. PT0S if absent"),
                  field("credits", &SlaSpec::credits, optional, "marks from high to low; the lowest that applies counts"));
  }
  bool operator==(const SlaSpec&) const = default;
};

/// A right to take more GPUs, which are kept for it until it lapses. It is taken up by a step of the ramp.
struct OptionSpec {
  std::int64_t gpus = 0;
  Time from;
  Time lapses;

  static constexpr auto schema() {
    return object("Option", "A right to take more GPUs, which are kept for it until it lapses.",
                  field("gpus", &OptionSpec::gpus, required, "how many more"),
                  field("from", &OptionSpec::from, required, "from when it could have them"),
                  field("lapses", &OptionSpec::lapses, required, "until when it must be taken up, by a step of the ramp"));
  }
  bool operator==(const OptionSpec&) const = default;
};

/// Other terms from a date on. What it does not name stays as it was.
struct AmendmentSpec {
  Time from;
  std::string note;
  std::optional<Money> price_per_gpu_hour;
  std::optional<Money> per_month;
  std::optional<Money> minimum_per_month;
  std::optional<EnergyTerms> energy;
  std::optional<OverageSpec> overage;
  std::optional<ShedSpec> shed;
  std::optional<SlaSpec> sla;
  std::optional<Time> until;

  static constexpr auto schema() {
    return object("Amendment", "Other terms from a date on. What it does not name stays as it was.",
                  field("from", &AmendmentSpec::from, required, "from when they hold"),
                  field("note", &AmendmentSpec::note, optional, "why, for people"),
                  field("pricePerGpuHour", &AmendmentSpec::price_per_gpu_hour, optional, ""),
                  field("perMonth", &AmendmentSpec::per_month, optional, ""),
                  field("minimumPerMonth", &AmendmentSpec::minimum_per_month, optional, ""),
                  field("energy", &AmendmentSpec::energy, optional, ""),
                  field("overage", &AmendmentSpec::overage, optional, ""),
                  field("shed", &AmendmentSpec::shed, optional, ""),
                  field("sla", &AmendmentSpec::sla, optional, ""),
                  field("until", &AmendmentSpec::until, optional, "another end of the contract"));
  }
  bool operator==(const AmendmentSpec&) const = default;
};

/// What a tenant has bought. Workloads run under one contract, which bounds, places and prices them.
struct ContractSpec {
  ServiceClass service_class = ServiceClass::kOnDemand;
  std::vector<std::string> gpu_models;
  std::vector<std::string> substitutes;
  std::vector<RampStepSpec> ramp;
  std::vector<OptionSpec> options;
  std::vector<std::string> sites;
  std::vector<std::string> jurisdictions;
  std::optional<Billing> billing;
  Money price_per_gpu_hour;
  std::optional<Money> per_month;
  std::optional<Money> minimum_per_month;
  std::optional<OverageSpec> overage;
  std::optional<Money> prepaid;
  std::optional<EnergyTerms> energy;
  std::optional<SlaSpec> sla;
  std::optional<ShedSpec> shed;
  std::optional<Duration> reclaim;
  bool cpu_jobs = false;
  bool oversold = false;
  std::optional<Time> from;
  std::optional<Time> until;
  std::vector<AmendmentSpec> amendments;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("ContractSpec", "What a tenant has bought.",
                  field("class", &ContractSpec::service_class, required, "reserved, on-demand or spot"),
                  field("gpuModels", &ContractSpec::gpu_models, optional, "GPU models it covers; none means every one"),
                  field("substitutes", &ContractSpec::substitutes, optional,
                        "with gpuModels: models that may stand in for them, at the same price"),
                  field("ramp", &ContractSpec::ramp, optional, "GPUs it gives by date; none means no limit of its own"),
                  field("options", &ContractSpec::options, optional, "reserved: rights to take more, which are kept for it"),
                  field("sites", &ContractSpec::sites, optional, "sites it covers; none means every one"),
                  field("jurisdictions", &ContractSpec::jurisdictions, optional,
                        "countries it is bound to; none means anywhere"),
                  field("billing", &ContractSpec::billing, optional,
                        "usage: GPUs are paid for while they are held; capacity: those of the ramp are paid for, held or not. usage if absent"),
                  field("pricePerGpuHour", &ContractSpec::price_per_gpu_hour, required, "price of one GPU for one hour"),
                  field("perMonth", &ContractSpec::per_month, optional,
                        "capacity: a price for each calendar month (UTC) in place of the ramp's GPU-hours; part of one for part of a month"),
                  field("minimumPerMonth", &ContractSpec::minimum_per_month, optional,
                        "what a month's charges for GPUs and energy come to at least; part of it for part of a month"),
                  field("overage", &ContractSpec::overage, optional, "GPUs beyond the ramp"),
                  field("prepaid", &ContractSpec::prepaid, optional, "paid in advance, from which invoices are taken first"),
                  field("energy", &ContractSpec::energy, optional,
                        "included in the price, or pass-through: by the site's price or tariff, with its part of the site's overhead. "
                        "included if absent"),
                  field("sla", &ContractSpec::sla, optional, "reserved: what is promised of its GPUs, and what is given back"),
                  field("shed", &ContractSpec::shed, optional,
                        "what may be shed; if absent nothing, but of class spot everything"),
                  field("reclaim", &ContractSpec::reclaim, optional,
                        "reserved: within which GPUs that were lent to spot work come back, PT2M if absent"),
                  field("cpuJobs", &ContractSpec::cpu_jobs, optional,
                        "whether jobs that ask for no GPU at all may run under it, on cores that GPUs leave; they cost nothing"),
                  field("oversold", &ContractSpec::oversold, optional,
                        "reserved: true: it may be signed though its GPUs are not there; the book tells what is missing"),
                  field("from", &ContractSpec::from, optional, "when it begins"),
                  field("until", &ContractSpec::until, optional, "when it ends"),
                  field("amendments", &ContractSpec::amendments, optional,
                        "other terms by date, rising. What has begun stays as it is; a change is another row"));
  }
  bool operator==(const ContractSpec&) const = default;
};

/// The terms at an instant: the contract with all amendments that have begun, and none left.
ContractSpec terms_at(const ContractSpec& contract, Time at);

PENSTOCK_JSON_ELSEWHERE(TenantSpec);
PENSTOCK_JSON_ELSEWHERE(ProjectSpec);
PENSTOCK_JSON_ELSEWHERE(ContractSpec);

}  // namespace penstock
