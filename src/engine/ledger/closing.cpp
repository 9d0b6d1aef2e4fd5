// A month's arithmetic, from its book to its invoices.
#include "engine/ledger/closing.h"

#include <algorithm>
#include <numeric>

#include "base/month.h"
#include "base/name.h"
#include "engine/contracts/contracts.h"
#include "engine/ledger/bookkeeping.h"
#include "estate/energy.h"

namespace penstock {
namespace {

constexpr Joules kKwh{kJoulesPerKwh};
constexpr std::int64_t kAll = 1'000'000;

// --- energy ----------------------------------------------------------------------------------------------------------

// Who takes part in sharing out a site's energy: contract and project.
using Party = std::pair<std::string, std::string>;
struct Portion {
  Joules work;
  std::int64_t time = 0;  // GPU time by which the rest is shared
};
using Portions = std::map<Party, Portion>;

// Whether the contract could hold anything there.
bool serves(const Facts& facts, const Estate& estate, SiteIndex index, const Object<ContractSpec>& contract) {
  const EstateSite& site = estate.sites()[index];
  const std::vector<std::string> models = models_of(contract.spec);
  const std::vector<std::string>& countries = facts.tenants.at(std::string(tenant_of(contract.name))).spec.jurisdictions;
  if (!covers_site(countries, contract.spec, site)) return false;
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    if (allows(models, estate.type_of(node).spec.devices.model)) return true;
  }
  return false;
}

// What reserved contracts left unheld, where they could have held it.
void add_unheld(const Facts& facts, const Estate& estate, const MonthBook& book, std::map<std::string, Portions>& sites) {
  std::map<std::string, std::int64_t> free;
  for (const auto& [site, month] : book.sites) {
    std::int64_t held = 0;
    for (const auto& [party, portion] : sites[site]) held += portion.time;
    free[site] = std::max<std::int64_t>(0, month.capacity.count() - held);
  }
  std::map<std::string, std::map<Party, std::int64_t>> unheld;
  for (const auto& [name, pieces] : book.contracts) {
    const auto contract = facts.contracts.find(name);
    if (contract == facts.contracts.end() || contract->second.spec.service_class != ServiceClass::kReserved) continue;
    std::int64_t left = 0;
    for (const TermsPiece& piece : pieces) {
      const std::int64_t reserved = piece.gpus * 1000 * ((piece.to - piece.from).count() / 1'000'000);
      left += std::max<std::int64_t>(0, reserved - (piece.held - piece.over).count());
    }
    if (left == 0) continue;
    std::vector<std::string> names;
    std::vector<std::int64_t> weights;
    for (SiteIndex site = 0; site < estate.sites().size(); ++site) {
      const auto room = free.find(estate.sites()[site].name);
      if (room == free.end() || room->second == 0 || !serves(facts, estate, site, contract->second)) continue;
      names.push_back(room->first);
      weights.push_back(room->second);
    }
    if (names.empty()) continue;
    const std::vector<std::int64_t> parts = share_out(left, weights);
    for (std::size_t i = 0; i < names.size(); ++i) unheld[names[i]][{name, {}}] += parts[i];
  }
  for (const auto& [site, parties] : unheld) {
    std::int64_t sum = 0;
    for (const auto& [party, time] : parties) sum += time;
    for (const auto& [party, time] : parties) {
      sites[site][party].time += sum <= free[site] ? time : mul_div_floor(time, free[site], sum);
    }
  }
}

EnergyBalance energy_of(const Estate& estate, const std::string& name, const SiteMonth& month, Time to, const Portions& portions) {
  EnergyBalance out;
  out.site = name;
  out.modelled = month.standing + month.imported;
  const std::int64_t whole = std::max<std::int64_t>(1, (to - month.since).count());
  std::int64_t covered = 0;
  for (const auto& [from, reading] : month.readings) {
    covered += (reading.to - reading.from).count();
    out.imported += reading.energy;
  }
  covered = std::min(covered, whole);
  out.imported += Joules(mul_div_round(out.modelled.count(), whole - covered, whole));
  out.measured = Ppm(mul_div_floor(covered, kAll, whole));
  const SiteIndex index = estate.find_site(name);
  if (index != kNowhere && estate.sites()[index].grid && month.since < to) {
    const GridSpec& grid = *estate.sites()[index].grid;
    out.price = cost_of(grid, kKwh, month.since, to);
    if (const auto carbon = carbon_of(grid, kKwh, month.since, to)) out.grams = carbon->count() / 1000;
  }
  std::vector<std::int64_t> weights;
  Joules work;
  std::int64_t taken = 0;
  for (const auto& [party, portion] : portions) {
    weights.push_back(portion.time);
    work += portion.work;
    taken += portion.time;
  }
  weights.push_back(std::max<std::int64_t>(0, month.capacity.count() - taken));  // the provider's own
  const std::vector<std::int64_t> shares = share_out((out.imported - work).count(), weights);
  std::size_t i = 0;
  for (const auto& [party, portion] : portions) out.parts.push_back({party.first, party.second, portion.work, Joules(shares[i++])});
  out.parts.push_back({{}, {}, Joules(), Joules(shares[i])});
  return out;
}

std::vector<EnergyBalance> share_energy(const Facts& facts, const Estate& estate, const MonthBook& book) {
  std::map<std::string, Portions> sites;
  for (const auto& [key, tally] : book.tallies) {
    if (tally.site.empty()) continue;
    Portion& portion = sites[tally.site][{tally.contract, tally.project}];
    portion.work += tally.energy;
    portion.time += tally.gpu_time.count();
  }
  add_unheld(facts, estate, book, sites);
  std::vector<EnergyBalance> out;
  for (const auto& [site, month] : book.sites) out.push_back(energy_of(estate, site, month, book.to, sites[site]));
  return out;
}

// --- lines -----------------------------------------------------------------------------------------------------------

// The lines of one contract's month.
class Lines {
 public:
  Lines(std::string contract, const MonthBook& book, const std::vector<TermsPiece>& pieces)
      : contract_(std::move(contract)), book_(book), pieces_(pieces) {}

  std::vector<InvoiceLine> make(const std::vector<EnergyBalance>& sites) {
    if (pieces_.empty()) return {};
    currency_ = pieces_.front().price.currency;
    for (const TermsPiece& piece : pieces_) capacity(piece);
    for (const auto& [key, tally] : book_.tallies) usage(tally);
    for (const TermsPiece& piece : pieces_) overage(piece);
    for (const EnergyBalance& site : sites) energy(site);
    minimum();
    credit();
    for (const auto& [key, tally] : book_.tallies) rebate(tally);
    for (const Adjustment& adjustment : book_.adjustments) {
      if (adjustment.contract != contract_) continue;
      InvoiceLine& line = add(LineKind::kAdjustment, book_.from, book_.to, adjustment.amount);
      line.project = adjustment.project;
      line.note = adjustment.note;
      line.corrects = adjustment.corrects;
    }
    return std::move(lines_);
  }

 private:
  InvoiceLine& add(LineKind kind, Time from, Time to, const Money& amount) {
    InvoiceLine line;
    line.kind = kind;
    line.contract = contract_;
    line.from = from;
    line.to = to;
    line.amount = amount;
    lines_.push_back(std::move(line));
    return lines_.back();
  }

  std::int64_t part_of_month(const Money& whole, const TermsPiece& piece) const {
    return mul_div_round(whole.micros, (piece.to - piece.from).count(), (book_.to - book_.from).count());
  }

  // Reserved GPUs are asked whether they were held or not; the two lines say which.
  void capacity(const TermsPiece& piece) {
    if (piece.billing != Billing::kCapacity || piece.gpus == 0) return;
    const GpuMicros reserved(piece.gpus * 1000 * ((piece.to - piece.from).count() / 1'000'000));
    const GpuMicros used = std::min(reserved, piece.held - piece.over);
    if (piece.per_month) {
      InvoiceLine& line = add(LineKind::kMonth, piece.from, piece.to, {part_of_month(*piece.per_month, piece), currency_});
      line.gpu_time = reserved;
      line.note = fmt::format("{} GPUs, of which {} were used", piece.gpus, Text<GpuMicros>::format(used));
      charged_ += line.amount.micros;
      return;
    }
    const Money whole = price_of(reserved, piece.price);
    const Money of_used = price_of(used, piece.price);
    const auto put = [&](LineKind kind, GpuMicros time, std::int64_t micros) {
      if (time == GpuMicros()) return;
      InvoiceLine& line = add(kind, piece.from, piece.to, {micros, currency_});
      line.gpu_time = time;
      line.price = piece.price;
      line.note = fmt::format("{} GPUs reserved", piece.gpus);
    };
    put(LineKind::kCommitmentUsed, used, of_used.micros);
    put(LineKind::kCommitmentUnused, reserved - used, whole.micros - of_used.micros);
    charged_ += whole.micros;
  }

  void usage(const Tally& tally) {
    if (tally.contract != contract_ || tally.cost.micros == 0) return;
    InvoiceLine& line = add(LineKind::kUsage, book_.from, book_.to, tally.cost);
    line.project = tally.project;
    line.site = tally.site;
    line.gpu_model = tally.gpu_model;
    line.gpu_time = tally.gpu_time;
    line.price = tally.price;
    line.rows = tally.rows;
    charged_ += tally.cost.micros;
  }

  void rebate(const Tally& tally) {
    if (tally.contract != contract_ || tally.rebate.micros == 0) return;
    InvoiceLine& line = add(LineKind::kShedRebate, book_.from, book_.to, {-tally.rebate.micros, tally.rebate.currency});
    line.project = tally.project;
    line.site = tally.site;
    line.gpu_time = tally.shed_time;
    line.note = "power was taken from its work";
  }

  // By usage the price has been asked for all that was held; what is left is the difference.
  void overage(const TermsPiece& piece) {
    if (!piece.overage || piece.over == GpuMicros()) return;
    Money price = piece.overage->price_per_gpu_hour;
    if (piece.billing != Billing::kCapacity) price.micros -= piece.price.micros;
    InvoiceLine& line = add(LineKind::kOverage, piece.from, piece.to, price_of(piece.over, price));
    line.gpu_time = piece.over;
    line.price = price;
    line.note = fmt::format("beyond {} GPUs", piece.gpus);
    others_ += line.amount.micros;
  }

  // Energy stands on every bill; it is asked where the first terms of the month pass it through.
  void energy(const EnergyBalance& site) {
    const auto first = std::find_if(pieces_.begin(), pieces_.end(), [](const TermsPiece& piece) { return piece.energy.has_value(); });
    const bool passed = first != pieces_.end() && first->energy == EnergyTerms::kPassThrough;
    for (const EnergyPart& part : site.parts) {
      if (part.contract != contract_ || (part.work == Joules() && part.shared == Joules())) continue;
      std::vector<Money> costs;
      Milligrams carbon;
      std::int64_t rows = 0;
      for (const auto& [key, tally] : book_.tallies) {
        if (tally.contract != contract_ || tally.site != site.site || tally.project != part.project) continue;
        for (const Money& cost : tally.energy_cost) add_money(costs, cost);
        carbon += tally.carbon;
        rows += tally.rows;
      }
      if (site.price) add_money(costs, {mul_div_round(part.shared.count(), site.price->micros, kJoulesPerKwh), site.price->currency});
      if (site.grams) carbon += Milligrams(mul_div_round(part.shared.count(), *site.grams * 1000, kJoulesPerKwh));
      if (!passed || costs.empty()) costs.assign(1, Money{0, currency_});
      for (const Money& cost : costs) {
        InvoiceLine& line = add(LineKind::kEnergy, book_.from, book_.to, cost);
        line.project = part.project;
        line.site = site.site;
        if (&cost == &costs.front()) {  // with prices in two currencies it stands on the first line alone
          line.energy = part.work + part.shared;
          line.carbon = carbon;
        }
        line.price = site.price;
        line.rows = rows;
        line.note = !passed ? "included in the price" : site.price ? "" : "the site has no price of energy";
        if (cost.currency == currency_) others_ += cost.micros;
      }
    }
  }

  void minimum() {
    std::int64_t least = 0;
    for (const TermsPiece& piece : pieces_) {
      if (piece.minimum) least += part_of_month(*piece.minimum, piece);
    }
    if (least <= charged_ + others_) return;
    add(LineKind::kMinimum, pieces_.front().from, pieces_.back().to, {least - charged_ - others_, currency_}).note =
        fmt::format("of at least {}", Text<Money>::format({least, currency_}));
  }

  void credit() {
    GpuMicros reserved;
    GpuMicros missing;
    std::optional<SlaSpec> sla;
    for (const TermsPiece& piece : pieces_) {
      if (!piece.sla) continue;
      sla = piece.sla;
      reserved += GpuMicros(piece.gpus * 1000 * ((piece.to - piece.from).count() / 1'000'000));
      missing += piece.missing;
    }
    if (!sla || reserved == GpuMicros()) return;
    const Ppm there(kAll - mul_div_ceil(missing.count(), kAll, reserved.count()));
    Ppm credit;
    for (const CreditStepSpec& step : sla->credits) {
      if (there < step.below) credit = step.credit;
    }
    if (credit == Ppm()) return;
    InvoiceLine& line = add(LineKind::kSlaCredit, book_.from, book_.to, {-mul_div_round(charged_, credit.count(), kAll), currency_});
    line.gpu_time = missing;
    line.note = fmt::format("{} of the reserved GPU time was there, {} is promised: {} of the price of GPUs", Text<Ppm>::format(there),
                            Text<Ppm>::format(sla->availability), Text<Ppm>::format(credit));
  }

  std::string contract_;
  const MonthBook& book_;
  const std::vector<TermsPiece>& pieces_;
  std::string currency_;
  std::int64_t charged_ = 0;  // for GPUs, in the contract's currency
  std::int64_t others_ = 0;   // for overage and energy
  std::vector<InvoiceLine> lines_;
};

std::string_view account_of(LineKind kind) {
  switch (kind) {
    case LineKind::kUsage: return "";  // unbilled:TENANT
    case LineKind::kCommitmentUsed:
    case LineKind::kCommitmentUnused:
    case LineKind::kMonth: return "revenue:capacity";
    case LineKind::kOverage: return "revenue:overage";
    case LineKind::kEnergy: return "revenue:energy";
    case LineKind::kMinimum: return "revenue:minimum";
    case LineKind::kShedRebate: return "credits:shed";
    case LineKind::kSlaCredit: return "credits:sla";
    case LineKind::kAdjustment: return "adjustments";
  }
  return "";
}

// --- invoices and entries --------------------------------------------------------------------------------------------

// The postings of one entry, by account; what comes to nothing is left out.
class Postings {
 public:
  explicit Postings(std::string currency) : currency_(std::move(currency)) {}
  void move(std::int64_t micros, const std::string& debit, const std::string& credit) {
    sums_[debit] += micros;
    sums_[credit] -= micros;
  }
  std::vector<Posting> take() const {
    std::vector<Posting> out;
    for (const auto& [account, micros] : sums_) {
      if (micros != 0) out.push_back({account, {micros, currency_}});
    }
    return out;
  }

 private:
  std::string currency_;
  std::map<std::string, std::int64_t> sums_;
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return text;
}

// What contracts say was paid in advance and has not been booked.
std::int64_t unbooked(const Facts& facts, const std::string& tenant, const std::string& currency) {
  std::int64_t said = 0;
  for (auto at = facts.contracts.lower_bound(tenant + "/"); at != facts.contracts.end() && at->first.starts_with(tenant + "/"); ++at) {
    if (at->second.spec.prepaid && at->second.spec.prepaid->currency == currency) said += at->second.spec.prepaid->micros;
  }
  const auto booked = facts.books.prepaid.find(tenant + " " + currency);
  return std::max<std::int64_t>(0, said - (booked == facts.books.prepaid.end() ? 0 : booked->second));
}

InvoiceIssued invoice_of(const Facts& facts, const MonthBook& book, const std::string& tenant, const std::string& currency,
                         std::vector<InvoiceLine> lines) {
  InvoiceIssued out;
  Invoice& invoice = out.invoice;
  invoice.month = month_of(book.from);
  invoice.name = fmt::format("{}-{}-{}", tenant, invoice.month, lower(currency));
  invoice.number = facts.books.invoices + 1;
  invoice.tenant = tenant;
  invoice.from = book.from;
  invoice.to = book.to;
  const std::string receivable = "receivable:" + tenant;
  Postings postings(currency);
  for (const InvoiceLine& line : lines) {
    const std::string_view account = account_of(line.kind);
    postings.move(line.amount.micros, receivable, account.empty() ? "unbilled:" + tenant : std::string(account));
    invoice.subtotal.micros += line.amount.micros;
  }
  invoice.lines = std::move(lines);
  const auto of = facts.tenants.find(tenant);
  if (of != facts.tenants.end() && of->second.spec.tax) {
    invoice.tax = of->second.spec.tax;
    invoice.tax_amount.micros = mul_div_round(invoice.subtotal.micros, invoice.tax->rate.count(), kAll);
    postings.move(invoice.tax_amount.micros, receivable, "tax:" + invoice.tax->name);
  }
  invoice.total.micros = invoice.subtotal.micros + invoice.tax_amount.micros;
  invoice.received.micros = unbooked(facts, tenant, currency);
  const std::string prepaid = "prepaid:" + tenant;
  postings.move(invoice.received.micros, "cash", prepaid);
  const auto balance = facts.books.accounts.find(prepaid + " " + currency);
  const std::int64_t left = invoice.received.micros - (balance == facts.books.accounts.end() ? 0 : balance->second);
  invoice.prepaid.micros = std::clamp<std::int64_t>(invoice.total.micros, 0, left);
  postings.move(invoice.prepaid.micros, prepaid, receivable);
  invoice.due.micros = invoice.total.micros - invoice.prepaid.micros;
  for (Money* sum : {&invoice.subtotal, &invoice.tax_amount, &invoice.total, &invoice.received, &invoice.prepaid, &invoice.due}) {
    sum->currency = currency;
  }
  out.entry = {facts.books.entries + 1, invoice.month, "invoice " + invoice.name, postings.take()};
  return out;
}

Error closed(const std::string& month) {
  return make_error(Code::kFailedPrecondition, fmt::format("{} is closed; nothing is added to it", month), "month");
}

}  // namespace

std::vector<std::int64_t> share_out(std::int64_t whole, const std::vector<std::int64_t>& weights) {
  std::vector<std::int64_t> out(weights.size());
  __int128 sum = 0;
  for (const std::int64_t weight : weights) sum += weight;
  if (sum == 0) {
    out.back() = whole;
    return out;
  }
  const bool negative = whole < 0;
  const __int128 amount = negative ? -static_cast<__int128>(whole) : whole;
  std::vector<std::pair<__int128, std::size_t>> rests;
  __int128 left = amount;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const __int128 product = amount * weights[i];
    out[i] = static_cast<std::int64_t>(product / sum);
    left -= out[i];
    rests.emplace_back(-(product % sum), i);
  }
  std::sort(rests.begin(), rests.end());
  for (std::size_t i = 0; left > 0; ++i, --left) ++out[rests[i].second];
  if (negative) {
    for (std::int64_t& part : out) part = -part;
  }
  return out;
}

Result<Reply> read_meter(Step& step, const ReadMeter& command) {
  const Reading& reading = command.reading;
  const Books& books = step.facts().books;
  if (!step.facts().sites.contains(reading.site)) {
    return make_error(Code::kNotFound, fmt::format("there is no site '{}'", reading.site), "site");
  }
  if (reading.to <= reading.from) return make_error(Code::kInvalid, "expected a time after from", "to");
  if (reading.to > step.now()) return make_error(Code::kInvalid, "expected a time that has passed", "to");
  if (reading.energy < Joules()) return make_error(Code::kInvalid, "expected an energy of 0 or more", "energy");
  const std::string month = month_of(reading.from);
  if (reading.to > next_month(reading.from)) {
    return make_error(Code::kInvalid, fmt::format("expected a stretch within one month; {} ends at {}: read it in two", month,
                                                  Text<Time>::format(next_month(reading.from))),
                      "to");
  }
  if (month <= books.closed) return closed(month);
  const auto book = books.months.find(month);
  if (book != books.months.end() && book->second.sites.contains(reading.site)) {
    for (const auto& [from, other] : book->second.sites.at(reading.site).readings) {
      if (other == reading) return Reply{};
      if (from != reading.from && from < reading.to && reading.from < other.to) {
        return make_error(Code::kConflict, fmt::format("it overlaps the reading from {} to {}", Text<Time>::format(from),
                                                       Text<Time>::format(other.to)),
                          "from");
      }
    }
  }
  step.emit(MeterRead{reading});
  Reply reply;
  reply.changes.push_back({"Reading", fmt::format("{} {}", reading.site, Text<Time>::format(reading.from)), {}, Change::kAdded,
                           step.facts().position});
  return reply;
}

Result<Reply> adjust(Step& step, const Adjust& command) {
  const Adjustment& adjustment = command.adjustment;
  const auto contract = step.facts().contracts.find(adjustment.contract);
  if (contract == step.facts().contracts.end()) {
    return make_error(Code::kNotFound, fmt::format("there is no contract '{}'", adjustment.contract), "contract");
  }
  if (!step.facts().projects.contains(adjustment.project)) {
    return make_error(Code::kNotFound, fmt::format("there is no project '{}'", adjustment.project), "project");
  }
  if (tenant_of(adjustment.project) != tenant_of(adjustment.contract)) {
    return make_error(Code::kInvalid, fmt::format("expected a project of tenant '{}'", tenant_of(adjustment.contract)), "project");
  }
  const std::string& currency = contract->second.spec.price_per_gpu_hour.currency;
  if (adjustment.amount.micros == 0 || adjustment.amount.currency != currency) {
    return make_error(Code::kInvalid, fmt::format("expected an amount in {}, the contract's currency, other than 0", currency), "amount");
  }
  if (adjustment.note.empty() || adjustment.note.size() > 500) {
    return make_error(Code::kInvalid, "expected a reason of 1 to 500 characters, for the invoice", "note");
  }
  const std::string month = month_of(step.now());
  step.emit(Adjusted{month, adjustment});
  Reply reply;
  reply.changes.push_back({"Adjustment", fmt::format("{} {}", adjustment.project, month), {}, Change::kAdded, step.facts().position});
  return reply;
}

Result<Reply> close_month(Step& step, const CloseMonth& command) {
  const auto start = month_start(command.month);
  if (!start.ok()) return make_error(Code::kInvalid, start.error().message, "month");
  const Time from = *start;
  const Time to = next_month(from);
  const Books& books = step.facts().books;
  if (command.month <= books.closed) return closed(command.month);
  if (to > step.now()) {
    return make_error(Code::kFailedPrecondition, fmt::format("{} ends at {}; it can be closed from then on", command.month, Text<Time>::format(to)),
                      "month");
  }
  if (!books.months.empty() && books.months.begin()->first < command.month) {
    return make_error(Code::kFailedPrecondition, fmt::format("{} is open: close it first", books.months.begin()->first), "month");
  }
  MonthBook book;
  const auto known = books.months.find(command.month);
  if (known != books.months.end()) book = known->second;
  book.from = from;
  book.to = to;
  const std::vector<EnergyBalance> sites = share_energy(step.facts(), step.state().estate(), book);
  std::map<std::pair<std::string, std::string>, std::vector<InvoiceLine>> invoices;  // by tenant and currency
  for (const auto& [name, pieces] : book.contracts) {
    for (InvoiceLine& line : Lines(name, book, pieces).make(sites)) {
      invoices[{std::string(tenant_of(name)), line.amount.currency}].push_back(std::move(line));
    }
  }
  Reply reply;
  for (auto& [of, lines] : invoices) {
    InvoiceIssued issued = invoice_of(step.facts(), book, of.first, of.second, std::move(lines));
    const std::string name = issued.invoice.name;
    step.emit(std::move(issued));
    reply.changes.push_back({"Invoice", name, {}, Change::kAdded, step.facts().position});
  }
  MonthClosed event{command.month, sites, {}};
  for (const EnergyBalance& site : sites) {
    if (!site.price || site.imported == Joules()) continue;
    const SiteIndex index = step.state().estate().find_site(site.site);
    const Money cost = *cost_of(*step.state().estate().sites()[index].grid, site.imported, book.sites.at(site.site).since, to);
    if (cost.micros == 0) continue;
    Postings postings(cost.currency);
    postings.move(cost.micros, "cost:energy:" + site.site, "payable:energy:" + site.site);
    event.entries.push_back({books.entries + event.entries.size() + 1, command.month, "energy of " + site.site, postings.take()});
  }
  step.emit(std::move(event));
  reply.changes.push_back({"Month", command.month, {}, Change::kChanged, step.facts().position});
  return reply;
}

}  // namespace penstock
