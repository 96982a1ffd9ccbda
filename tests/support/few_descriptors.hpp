#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace policyd::test {

/// While it lives, the process can open but so many descriptors. The sanitizers need some as well:
/// what is thrown meanwhile is to be looked at afterwards.
class FewDescriptors {
public:
    explicit FewDescriptors(int left) {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit few = before_;
        const int next = open("/", O_PATH | O_CLOEXEC);
        close(next);
        few.rlim_cur = static_cast<rlim_t>(next + left);
        setrlimit(RLIMIT_NOFILE, &few);
    }
    ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

private:
    rlimit before_{};
};

}  // namespace policyd::test
