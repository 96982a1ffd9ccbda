#include "policyd/server/lack_of_means.hpp"

#include <cerrno>
#include <new>
#include <system_error>

#include "common/async/uv_handle.hpp"

namespace policyd::server {

namespace {

/// 0 for a failure that has none.
int ErrorNumber(const std::exception& failure) {
    if (dynamic_cast<const std::bad_alloc*>(&failure) != nullptr) return ENOMEM;
    if (const auto* of_system = dynamic_cast<const std::system_error*>(&failure))
        return of_system->code().value();
    if (const auto* of_libuv = dynamic_cast<const async::UvError*>(&failure))
        return -of_libuv->Code();  // UV_E… is a negative errno
    return 0;
}

}  // namespace

bool IsLackOfMeans(const std::exception& failure) {
    const int error = ErrorNumber(failure);
    if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) return true;
    try {
        std::rethrow_if_nested(failure);
    } catch (const std::exception& cause) {
        return IsLackOfMeans(cause);
    }
    return false;
}

}  // namespace policyd::server
