#pragma once

#include <sys/fsuid.h>
#include <sys/types.h>

namespace policyd::test {

/// As a user without privileges, for as long as it lives. File accesses of this thread, and of
/// threads that it starts meanwhile, alone.
class Unprivileged {
public:
    Unprivileged() : former_(setfsuid(65534)) {}
    ~Unprivileged() { setfsuid(static_cast<uid_t>(former_)); }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;

private:
    int former_;
};

}  // namespace policyd::test
