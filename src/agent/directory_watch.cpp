// Directory watches by inotify.
#include "agent/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

namespace penstock {

DirectoryWatch::DirectoryWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void DirectoryWatch::add(const std::string& directory) {
  if (fd_) inotify_add_watch(fd_.get(), directory.c_str(), IN_MOVED_TO);
}

void DirectoryWatch::drain() {
  char buffer[4096];
  while (fd_ && read(fd_.get(), buffer, sizeof buffer) > 0) {
  }
}

}  // namespace penstock
