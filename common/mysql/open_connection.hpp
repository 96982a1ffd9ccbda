#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/mysql/account.hpp"

namespace sql {
class Connection;
}  // namespace sql

namespace policyd::mysql {

/// Every thread that uses connections calls these first and last.
void BeginThread();
void EndThread();

/// Over TLS if the account asks for it. Throws Error, and sql::SQLException.
std::unique_ptr<sql::Connection> OpenConnection(const Account& account, const Server& server);

/// The statement that asks the server itself to give up on a slow query; each kind of server reads
/// its own part.
std::string LimitOfStatementTime(std::chrono::milliseconds limit);

}  // namespace policyd::mysql
