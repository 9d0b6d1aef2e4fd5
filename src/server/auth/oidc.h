// Logging in: ID tokens of one OpenID provider are checked on a thread of their own, which may wait for the provider.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "client/identity_provider.h"
#include "server/auth/jwt.h"

namespace penstock {

struct OidcOptions {
  std::string issuer;    ///< https, or http on this machine
  std::string audience;  ///< our client id there
  std::string groups_claim = "groups";
  std::vector<std::string> scopes{"openid", "profile", "email"};
  std::string ca_file;   ///< PEM file of the authorities to trust; empty: the system's
};

/// What an ID token says, once it is believed.
struct OidcClaims {
  std::string subject;
  std::string name;  ///< for people; may be empty
  std::vector<std::string> groups;
};

class Oidc {
 public:
  using Done = std::function<void(Result<OidcClaims>)>;
  /// A JSON document at a URL; told apart for tests.
  using Fetch = std::function<Result<json::value>(const std::string& url)>;

  /// Asks the provider for nothing before the first login.
  Oidc(OidcOptions options, std::function<Time()> clock, Fetch fetch = {});
  /// Who still waits is told kUnavailable.
  ~Oidc();

  const OidcOptions& options() const { return options_; }

  /// Any thread. `done` is called on the thread of this object, or at once if too many wait.
  void verify(std::string id_token, Done done);

 private:
  void run();
  Result<OidcClaims> claims_of(const std::string& id_token);
  Status refresh();

  const OidcOptions options_;
  const std::function<Time()> clock_;
  const Fetch fetch_;
  // Of its thread alone.
  KeySet keys_;
  Time fetched_;  // when the keys came; 0: never
  Time asked_;    // when they were asked for last

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<std::string, Done>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace penstock
