#pragma once

#include <string>

namespace policyd::redis {

/// The first line of a file that holds a secret. Throws std::runtime_error, whose text names the
/// file and not the secret, for a file that cannot be read, is empty, or that everyone may read.
std::string ReadPasswordFile(const std::string& path);

}  // namespace policyd::redis
