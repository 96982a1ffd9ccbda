#pragma once

#include <vector>

#include "common/mysql/account.hpp"

namespace policyd::mysql {

/// Whether the server is named by a host name, which may have several addresses.
bool HasName(const Server& server);

/// The same server by each address of its name; none where that is not known. Waits for the
/// resolver.
std::vector<Server> AddressesOf(const Server& server);

}  // namespace policyd::mysql
