#pragma once

#include <stdexcept>
#include <string>

namespace policyd::mysql {

/// The client library or the server said no; `Code()` is MySQL's error number, 0 for a mistake of
/// the query that the server does not see. The text never holds a password.
class Error : public std::runtime_error {
public:
    /// Whatever the reason was: a server that does not let us in is of no use.
    static constexpr int kCannotConnect = 2002;

    Error(const std::string& what, int code) : std::runtime_error(what), code_(code) {}

    int Code() const noexcept { return code_; }
    /// Whether the connection or its server failed, rather than the query.
    bool IsOfServer() const noexcept;
    /// Whether it is the server's answer to a query, and other queries may go well.
    bool IsOfQuery() const noexcept;
    /// Whether it is an answer that will be the same until somebody mends the query, the data base
    /// or the rights there.
    bool IsMistake() const noexcept;
    /// Whether the account has no right to what the query names. Where that is granted, MariaDB
    /// lets some sessions know only once they are made anew: all of them of a right to every data
    /// base, and those that use it of one to a data base.
    bool IsLackOfRights() const noexcept;
    /// Of one that came of connecting: whether the server lives, and denies this account access.
    bool IsDenial() const noexcept;
    /// Of one that came of connecting: whether the server lives, and has no connection left, for us
    /// or for anybody. Those that there are go on.
    bool IsOfConnectionLimit() const noexcept;

private:
    int code_;
};

}  // namespace policyd::mysql
