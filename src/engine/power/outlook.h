// A site's limits as people ask about them: what flows where, what is stranded, what a loss would do, what may be out.
#pragma once

#include "engine/power/power.h"

namespace penstock {

/// One row and what it carries: watts, or millilitres a minute.
struct RowLoad {
  std::string row;
  std::string contingency;
  std::int64_t load = 0;
  std::int64_t limit = 0;

  static constexpr auto schema() {
    return object("RowLoad", "One limit and what it carries: watts, or millilitres a minute.",
                  field("row", &RowLoad::row, required, "element, loop and medium, or `SITE import`"),
                  field("contingency", &RowLoad::contingency, optional, "the loss after which it is so; none: now"),
                  field("load", &RowLoad::load, required, "its load, rounded up"),
                  field("limit", &RowLoad::limit, required, "its limit"));
  }
};

enum class PartState { kLive, kDark, kOut };
constexpr auto enum_names(PartState) {
  return std::array{EnumName<PartState>{PartState::kLive, "live"}, EnumName<PartState>{PartState::kDark, "dark"},
                    EnumName<PartState>{PartState::kOut, "out"}};
}

struct ElementPower {
  std::string name;
  ElementKind kind = ElementKind::kBusway;
  PartState state = PartState::kLive;
  std::vector<std::string> feeds;
  Watts usable;
  Watts load;
  Watts headroom;
  std::optional<RowLoad> worst;

  static constexpr auto schema() {
    return object("ElementPower", "One element of the network.",
                  field("name", &ElementPower::name, required, "site/element"),
                  field("kind", &ElementPower::kind, required, "its kind"),
                  field("state", &ElementPower::state, required, "live, dark (nothing feeds it) or out of service"),
                  field("feeds", &ElementPower::feeds, optional, "the elements that feed it, or would"),
                  field("usable", &ElementPower::usable, required, "what may flow for hours"),
                  field("load", &ElementPower::load, required, "its output now, if all that is granted is drawn"),
                  field("headroom", &ElementPower::headroom, required,
                        "firm watts that it would still take, after the loss that leaves it least"),
                  field("worst", &ElementPower::worst, optional, "the loss that loads it most, for its limit"));
  }
};

/// Why watts that the grid would give reach no node.
enum class StrandedCause { kPhase, kOrder, kElement, kPair, kCooling, kSupplies, kDark, kSpace };
constexpr auto enum_names(StrandedCause) {
  using C = StrandedCause;
  return std::array{EnumName<C>{C::kPhase, "phase"},       EnumName<C>{C::kOrder, "order"},
                    EnumName<C>{C::kElement, "element"},   EnumName<C>{C::kPair, "pair"},
                    EnumName<C>{C::kCooling, "cooling"},   EnumName<C>{C::kSupplies, "supplies"},
                    EnumName<C>{C::kDark, "dark"},         EnumName<C>{C::kSpace, "space"}};
}

struct StrandedWatts {
  StrandedCause cause = StrandedCause::kSpace;
  Watts watts;
  std::string row;

  static constexpr auto schema() {
    return object("StrandedWatts", "Watts that are contracted and reach no node.",
                  field("cause", &StrandedWatts::cause, required,
                        "phase (not energised or built yet), order (of the grid's operator), element (its rating), pair (after a "
                        "loss its pair would carry too much), cooling, supplies (of nodes), dark (no live feed), space (no "
                        "node that could use it)"),
                  field("watts", &StrandedWatts::watts, required, "how many"),
                  field("row", &StrandedWatts::row, optional, "the row that refuses most of them, with its loss"));
  }
};

/// How much of a limit is used, and by what. Loads are what is granted, not what is measured.
struct SitePower {
  std::string site;
  Time at;
  std::optional<Watts> contracted;
  std::optional<Watts> import_limit;
  Watts import;
  Watts held;
  Watts max;
  Watts room;
  std::vector<StrandedWatts> stranded;
  std::vector<RowLoad> worst;
  std::vector<ElementPower> elements;
  std::vector<RowLoad> loops;
  std::vector<LimitBreak> broken;
  std::vector<Time> changes;

  static constexpr auto schema() {
    return object("SitePower", "What a site's limits carry and leave, by what is granted.",
                  field("site", &SitePower::site, required, "site"), field("at", &SitePower::at, required, "the time this is of"),
                  field("contracted", &SitePower::contracted, optional, "what the grid connection is contracted for"),
                  field("importLimit", &SitePower::import_limit, optional, "what it may give then, by phase and order"),
                  field("import", &SitePower::import, required, "what it gives if all that is granted is drawn"),
                  field("held", &SitePower::held, required, "what all nodes hold, idle power included"),
                  field("max", &SitePower::max, required, "what they would draw at full work"),
                  field("room", &SitePower::room, required, "firm watts that nodes could still be granted, all together"),
                  field("stranded", &SitePower::stranded, optional, "contracted watts that reach no node, by cause"),
                  field("worst", &SitePower::worst, optional, "the five limits that are used most, each with its worst loss"),
                  field("elements", &SitePower::elements, optional, "the network, sources first"),
                  field("loops", &SitePower::loops, optional, "cooling loops by medium, each with its worst loss"),
                  field("broken", &SitePower::broken, optional, "what is above its limit and was told"),
                  field("changes", &SitePower::changes, optional, "later dates on which limits change"));
  }
};
SitePower site_power(const State& state, SiteIndex site, const WhatIf& what, Time now);

struct Overload {
  std::string row;
  std::int64_t load = 0;
  std::int64_t limit = 0;
  std::optional<Duration> borne;

  static constexpr auto schema() {
    return object("Overload", "A limit that the loss breaks until shedding has acted.",
                  field("row", &Overload::row, required, "element, loop and medium, or `SITE import`"),
                  field("load", &Overload::load, required, "watts, or millilitres a minute"),
                  field("limit", &Overload::limit, required, "what may flow for hours"),
                  field("borne", &Overload::borne, optional,
                        "for how long it is borne, by the overload curve or the loop's hold; 0: not at all; absent: nobody said"));
  }
};

/// A job that gives way.
struct Shedding {
  std::string job;
  Watts demand;
  Watts firm;
  bool stop = false;

  static constexpr auto schema() {
    return object("Shedding", "A job that gives way, as its contract allows.",
                  field("job", &Shedding::job, required, "tenant/project/job"),
                  field("demand", &Shedding::demand, required, "what it may draw now"),
                  field("firm", &Shedding::firm, required, "what it keeps"),
                  field("stop", &Shedding::stop, optional, "true: it is stopped and queued again"));
  }
};

struct TenantHit {
  std::string tenant;
  std::int64_t jobs = 0;
  MilliGpu gpus;

  static constexpr auto schema() {
    return object("TenantHit", "What a loss takes from a tenant.", field("tenant", &TenantHit::tenant, required, "tenant"),
                  field("jobs", &TenantHit::jobs, required, "jobs stopped or shed"),
                  field("gpus", &TenantHit::gpus, required, "GPUs that they hold"));
  }
};

/// What would happen if parts were lost.
struct LossOutlook {
  std::string site;
  Time at;
  std::vector<std::string> lost;
  std::int64_t racks_live = 0;
  std::vector<std::string> degraded;
  std::vector<std::string> dark;
  std::vector<std::string> uncooled;
  std::vector<Overload> overloads;
  std::vector<Shedding> shed;
  std::vector<std::string> stopped;
  std::vector<LimitBreak> left;
  std::vector<LimitBreak> next;
  std::vector<TenantHit> tenants;

  static constexpr auto schema() {
    return object("LossOutlook", "What the loss of parts would do.",
                  field("site", &LossOutlook::site, required, "site"),
                  field("at", &LossOutlook::at, required, "when it is lost"),
                  field("lost", &LossOutlook::lost, optional, "what is lost"),
                  field("racksLive", &LossOutlook::racks_live, required, "racks that keep all their feeds"),
                  field("degraded", &LossOutlook::degraded, optional, "racks that live on fewer feeds"),
                  field("dark", &LossOutlook::dark, optional, "racks that no live feed reaches"),
                  field("uncooled", &LossOutlook::uncooled, optional, "racks that lose all cooling of a medium, and trip"),
                  field("overloads", &LossOutlook::overloads, optional, "limits that are broken until shedding has acted"),
                  field("shed", &LossOutlook::shed, optional, "jobs that give way, in this order"),
                  field("stopped", &LossOutlook::stopped, optional, "jobs on dark racks: they end with their power"),
                  field("left", &LossOutlook::left, optional, "what stays above its limit when all have given what they may"),
                  field("next", &LossOutlook::next, optional, "what one more loss would overload"),
                  field("tenants", &LossOutlook::tenants, optional, "who is hit"));
  }
};
LossOutlook loss_outlook(const State& state, SiteIndex site, const WhatIf& what, Time now);

/// One credible loss in short, with its named shed set.
struct ContingencyOutlook {
  std::string contingency;
  std::int64_t dark = 0;
  std::int64_t overloads = 0;
  std::vector<std::string> shed;
  Watts freed;
  std::int64_t left = 0;

  static constexpr auto schema() {
    return object("ContingencyOutlook", "One credible loss in short, with its named shed set.",
                  field("contingency", &ContingencyOutlook::contingency, required, "what is lost"),
                  field("dark", &ContingencyOutlook::dark, required, "racks that go dark"),
                  field("overloads", &ContingencyOutlook::overloads, required, "limits broken until shedding has acted"),
                  field("shed", &ContingencyOutlook::shed, optional, "jobs that give way, in this order"),
                  field("freed", &ContingencyOutlook::freed, required, "watts that they give"),
                  field("left", &ContingencyOutlook::left, required, "limits still broken then; 0 unless a loss came before"));
  }
};
struct ContingencyList {
  std::string site;
  std::vector<ContingencyOutlook> items;

  static constexpr auto schema() {
    return object("ContingencyList", "Every credible loss of a site that would touch anything.",
                  field("site", &ContingencyList::site, required, "site"),
                  field("items", &ContingencyList::items, required, "loss by loss"));
  }
};
ContingencyList contingency_outlook(const State& state, SiteIndex site);

/// Whether parts may be out in a window.
struct MaintenancePlan {
  std::string site;
  std::vector<std::string> parts;
  Time from;
  Time until;
  bool possible = false;
  std::vector<LimitBreak> breaks;
  std::string message;
  std::vector<Shedding> shed;
  std::int64_t exposed = 0;
  std::optional<Time> earliest;

  static constexpr auto schema() {
    return object("MaintenancePlan", "Whether parts may be out in a window, given what is granted and promised.",
                  field("site", &MaintenancePlan::site, required, "site"),
                  field("parts", &MaintenancePlan::parts, required, "what would be out"),
                  field("from", &MaintenancePlan::from, required, "when it begins"),
                  field("until", &MaintenancePlan::until, required, "when it ends"),
                  field("possible", &MaintenancePlan::possible, required, "whether all limits hold in it, also after a further loss"),
                  field("breaks", &MaintenancePlan::breaks, optional, "what would be above its limit"),
                  field("message", &MaintenancePlan::message, required, "the answer in a sentence"),
                  field("shed", &MaintenancePlan::shed, optional, "jobs that give way when it begins"),
                  field("exposed", &MaintenancePlan::exposed, required,
                        "racks that one further loss would darken while the parts are out, and would not now"),
                  field("earliest", &MaintenancePlan::earliest, optional, "a later start of the same length that holds, if one was found"));
  }
};
/// `spec` is a maintenance with parts of the site, from and until.
MaintenancePlan maintenance_plan(const State& state, SiteIndex site, const RestrictionSpec& spec, Time now);

}  // namespace penstock
