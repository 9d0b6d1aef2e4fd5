// Waiting for files to appear.
#pragma once

#include "base/files.h"

namespace penstock {

/// Wakes when a file appears in one of some directories, by a descriptor that can be polled. Where the system
/// gives no watches it never wakes, and its users fall back on looking every now and then.
class DirectoryWatch {
 public:
  DirectoryWatch();
  void add(const std::string& directory);
  /// To be polled for POLLIN; -1 if there is none.
  int descriptor() const { return fd_.get(); }
  /// Takes note of what has happened so far.
  void drain();

 private:
  Fd fd_;
};

}  // namespace penstock
