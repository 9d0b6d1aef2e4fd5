// The provider's keys, kept for an hour and asked for anew when an unknown one is named.
#include "server/auth/oidc.h"

namespace penstock {
namespace {

constexpr Duration kKeysAge = hours(1);
// An unknown key is a new one, or somebody's invention: inventions must not make us ask without end.
constexpr Duration kLeastPause = seconds(10);
constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kMostGroups = 500;
constexpr std::size_t kMostText = 255;

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  return text.size() > 100 ? std::string() : text;
}

}  // namespace

Oidc::Oidc(OidcOptions options, std::function<Time()> clock, Fetch fetch)
    : options_(std::move(options)),
      clock_(std::move(clock)),
      fetch_(fetch ? std::move(fetch) : [ca = options_.ca_file](const std::string& url) { return fetch_json(url, ca); }),
      thread_([this] { run(); }) {}

Oidc::~Oidc() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (auto& [token, done] : waiting_) done(make_error(Code::kUnavailable, "the server is stopping"));
}

void Oidc::verify(std::string id_token, Done done) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting && !stopping_) {
      waiting_.emplace_back(std::move(id_token), std::move(done));
      wake_.notify_one();
      return;
    }
  }
  done(make_error(Code::kUnavailable, "too many are logging in; try again shortly"));
}

void Oidc::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto [token, done] = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    done(claims_of(token));
    lock.lock();
  }
}

Status Oidc::refresh() {
  asked_ = clock_();
  auto config = discover(options_.issuer, fetch_);
  if (!config.ok()) {
    Error error = config.error();
    error.code = Code::kUnavailable;  // whoever logs in is not to blame
    return error;
  }
  PENSTOCK_TRY(document, fetch_(config->jwks_uri));
  PENSTOCK_TRY(keys, KeySet::read(document));
  keys_ = std::move(keys);
  fetched_ = asked_;
  return ok_status();
}

Result<OidcClaims> Oidc::claims_of(const std::string& id_token) {
  PENSTOCK_TRY(token, parse_jwt(id_token));
  const bool may_ask = asked_.ns == 0 || clock_() - asked_ >= kLeastPause;
  if (fetched_.ns == 0 || clock_() - fetched_ >= kKeysAge) {
    if (!may_ask) return make_error(Code::kUnavailable, "the identity provider could not be asked for its keys; try again shortly");
    PENSTOCK_RETURN_IF_ERROR(refresh());
  }
  Status signature = keys_.check(token);
  if (!signature.ok() && signature.error().code == Code::kNotFound && clock_() - asked_ >= kLeastPause) {
    PENSTOCK_RETURN_IF_ERROR(refresh());
    signature = keys_.check(token);
  }
  if (!signature.ok()) {
    Error error = signature.error();
    error.code = Code::kUnauthenticated;
    return error;
  }
  PENSTOCK_RETURN_IF_ERROR(check_claims(token.claims, {options_.issuer, options_.audience, clock_()}));

  OidcClaims out;
  out.subject = text_in(token.claims, "sub");
  for (const char* name : {"preferred_username", "email", "name"}) {
    if (out.name.empty()) out.name = printable(text_in(token.claims, name));
  }
  if (const json::value* groups = token.claims.if_contains(options_.groups_claim)) {
    if (groups->is_string()) out.groups.push_back(text_in(token.claims, options_.groups_claim));
    if (groups->is_array()) {
      for (const json::value& group : groups->get_array()) {
        if (group.is_string() && group.get_string().size() <= kMostText) out.groups.emplace_back(std::string_view(group.get_string()));
      }
    }
  }
  if (out.groups.size() > kMostGroups) {
    return make_error(Code::kUnauthenticated, fmt::format("the ID token tells of more than {} groups; let the provider send fewer", kMostGroups), "idToken");
  }
  return out;
}

}  // namespace penstock
