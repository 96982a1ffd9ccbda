#include "common/files/read_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "common/files/descriptor.hpp"

namespace policyd::files {

void ReadFile(const std::string& path, const std::function<bool(std::string_view part)>& take) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw std::system_error(errno, std::generic_category(), path);
    for (std::array<char, 1 << 16> part;;) {
        const ssize_t size = read(file.Get(), part.data(), part.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) throw std::system_error(errno, std::generic_category(), path);
        if (size == 0 || !take({part.data(), static_cast<std::size_t>(size)})) return;
    }
}

}  // namespace policyd::files
