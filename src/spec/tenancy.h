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

struct TenantSpec {
  std::string display_name;
  std::vector<std::string> jurisdictions;
  std::optional<ShareSpec> share;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("TenantSpec", "A customer.",
                  field("displayName", &TenantSpec::display_name, optional, "name for people"),
                  field("jurisdictions", &TenantSpec::jurisdictions, optional,
                        "countries that its work may never leave (ISO 3166-1 alpha-2); none means anywhere"),
                  field("share", &TenantSpec::share, optional, "what belongs to it among the tenants; weight 1 if absent"));
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

struct ProjectSpec {
  std::string display_name;
  std::optional<QuotaSpec> quota;
  std::optional<ShareSpec> share;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("ProjectSpec", "A part of a tenant with a quota of its own.",
                  field("displayName", &ProjectSpec::display_name, optional, "name for people"),
                  field("quota", &ProjectSpec::quota, optional, "the most it may hold; none means no limit of its own"),
                  field("share", &ProjectSpec::share, optional, "what belongs to it among the tenant's projects"));
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

/// What a tenant has bought. Workloads run under one contract, which bounds, places and prices them.
struct ContractSpec {
  ServiceClass service_class = ServiceClass::kOnDemand;
  std::vector<std::string> gpu_models;
  std::vector<RampStepSpec> ramp;
  std::vector<std::string> sites;
  std::vector<std::string> jurisdictions;
  Money price_per_gpu_hour;
  std::optional<ShedSpec> shed;
  std::optional<Duration> reclaim;
  bool cpu_jobs = false;
  std::optional<Time> from;
  std::optional<Time> until;

  void check(Problems& problems) const;
  static constexpr auto schema() {
    return object("ContractSpec", "What a tenant has bought.",
                  field("class", &ContractSpec::service_class, required, "reserved, on-demand or spot"),
                  field("gpuModels", &ContractSpec::gpu_models, optional, "GPU models it covers; none means every one"),
                  field("ramp", &ContractSpec::ramp, optional, "GPUs it gives by date; none means no limit of its own"),
                  field("sites", &ContractSpec::sites, optional, "sites it covers; none means every one"),
                  field("jurisdictions", &ContractSpec::jurisdictions, optional,
                        "countries it is bound to; none means anywhere"),
                  field("pricePerGpuHour", &ContractSpec::price_per_gpu_hour, required, "price of one GPU for one hour"),
                  field("shed", &ContractSpec::shed, optional,
                        "what may be shed; if absent nothing, but of class spot everything"),
                  field("reclaim", &ContractSpec::reclaim, optional,
                        "reserved: within which GPUs that were lent to spot work come back, PT2M if absent"),
                  field("cpuJobs", &ContractSpec::cpu_jobs, optional,
                        "whether jobs that ask for no GPU at all may run under it, on cores that GPUs leave; they cost nothing"),
                  field("from", &ContractSpec::from, optional, "when it begins"),
                  field("until", &ContractSpec::until, optional, "when it ends"));
  }
  bool operator==(const ContractSpec&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(TenantSpec);
PENSTOCK_JSON_ELSEWHERE(ProjectSpec);
PENSTOCK_JSON_ELSEWHERE(ContractSpec);

}  // namespace penstock
