// What the tests of Redfish share: options that lead to a service, time that passes only when somebody waits.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "redfish/client.h"
#include "redfish/service.h"

namespace penstock {

/// A file that only its owner may read, in a directory that goes with it.
class PrivateFile {
 public:
  explicit PrivateFile(std::string_view text, mode_t mode = 0600) {
    std::string name = testing::TempDir() + "/redfish-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    std::ofstream(path()) << text;
    chmod(mode);
  }
  ~PrivateFile() { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/credentials"; }
  std::string reference() const { return "file:" + path(); }
  void chmod(mode_t mode) { std::filesystem::permissions(path(), static_cast<std::filesystem::perms>(mode)); }

 private:
  std::string directory_;
};

/// Time that passes only in waits, so that five minutes are over at once.
struct Clock {
  Duration now{};
};

inline RedfishOptions options_for(const Service& service, const PrivateFile& credentials, Clock& clock) {
  RedfishOptions options;
  options.url = service.url();
  options.credentials = credentials.reference();
  options.request_timeout = seconds(20);
  options.now = [&clock] { return clock.now; };
  options.sleep = [&clock](Duration duration) {
    clock.now += duration;
    return true;
  };
  return options;
}

class RedfishTest : public testing::Test {
 protected:
  explicit RedfishTest(Service::Flavour flavour = Service::Flavour::kModern) : service(flavour) {
    options = options_for(service, credentials, clock);
    if (flavour == Service::Flavour::kModern) options.system = "437XR1138R2";
  }

  PrivateFile credentials{fmt::format("{}:{}\n", kUser, kPassword)};
  Clock clock;
  Service service;
  RedfishOptions options;
};

class OlderTest : public RedfishTest {
 protected:
  OlderTest() : RedfishTest(Service::Flavour::kOlder) {}
};

template <class T>
std::string text(const Result<T>& result) {
  return result.ok() ? "ok" : to_string(result.error());
}

/// The code of a failure; a success fails the test.
template <class T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result.ok());
  return result.ok() ? Code::kInternal : result.error().code;
}

}  // namespace penstock
