#include "common/tables/mysql_table.hpp"

#include <stdexcept>

#include "common/async/within.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/sql_group.hpp"
#include "common/text/ascii.hpp"

namespace policyd::tables {

namespace {

std::vector<mysql::Server> ReadServers(const TableFile& file, const WarningSink& warn) {
    const std::string hosts = file.Text("hosts");
    std::vector<mysql::Server> servers;
    for (const std::string_view host : text::SplitAtAny(hosts, ", \t\r\n")) {
        try {
            servers.push_back(mysql::ParseServer(host));
        } catch (const std::invalid_argument& error) {
            file.Refuse("hosts", "has \"" + std::string(host) + "\": " + error.what());
        }
    }
    if (servers.empty()) {
        warn(file.Path() + ": \"hosts\" names no server: localhost is asked");
        servers.emplace_back();
    }
    return servers;
}

bool HaveTheSameParameters(const SqlGroup::Member& one, const SqlGroup::Member& other) {
    const auto& prepared = one.lookup->Query().Prepared();
    const auto& also_prepared = other.lookup->Query().Prepared();
    return prepared && also_prepared && prepared->parameters == also_prepared->parameters &&
           one.key == other.key;
}

}  // namespace

mysql::Account ReadAccount(const TableFile& file, std::chrono::milliseconds time_limit,
                           const WarningSink& warn) {
    mysql::Account account;
    account.servers = ReadServers(file, warn);
    account.user = file.Text("user");
    account.password = file.Text("password");
    account.database = file.NeededText("dbname");
    account.charset = file.Text("charset", account.charset);
    account.option_file = file.Text("option_file");
    account.option_group = file.Text("option_group", account.option_group);
    account.tls.key_file = file.Text("tls_key_file");
    account.tls.cert_file = file.Text("tls_cert_file");
    account.tls.ca_file = file.Text("tls_CAfile");
    account.tls.ca_path = file.Text("tls_CApath");
    account.tls.ciphers = file.Text("tls_ciphers");
    account.tls.verify_cert = file.YesOrNo("tls_verify_cert", false);
    account.retry_interval = std::chrono::seconds(file.Number("retry_interval", 60, 1));
    account.idle_interval = std::chrono::seconds(file.Number("idle_interval", 60, 1));
    account.time_limit = time_limit;
    return account;
}

mysql::Query MysqlTable::QueryFor(const std::string& key) const {
    mysql::Query query;
    const QueryTemplate& templates = lookup_->Query();
    query.source = lookup_.get();
    query.needs_result_set = needs_result_set_;
    query.text = [lookup = lookup_, key](const mysql::Query::Quote& quote) {
        const Dialect dialect = quote.has_escapes ? Dialect::kMysql : Dialect::kMysqlWithoutEscapes;
        return lookup->Query().Query(key, dialect, quote);
    };
    if (templates.Prepared()) {
        query.prepared = templates.Prepared()->sql;
        query.parameters = templates.Parameters(key);
    }
    return query;
}

async::Task<std::optional<std::string>> MysqlTable::Find(std::string_view key) {
    const std::optional<std::string> search_key = co_await lookup_->SearchKey(key);
    if (!search_key) co_return std::nullopt;
    std::vector<mysql::Query> queries{QueryFor(*search_key)};
    const std::vector<mysql::Values> values = co_await Run(std::move(queries));
    co_return lookup_->Combine(values.front(), *search_key);
}

async::Task<void> MysqlTable::Try() {
    std::vector<mysql::Query> queries{QueryFor(kKeyOfNobody)};
    co_await Run(std::move(queries));
}

async::Task<std::vector<Outcome>> MysqlTable::FindTogether(std::vector<Question> questions) {
    SqlGroup group;
    std::vector<mysql::Query> queries;
    for (const Question& question : questions) {
        const auto& table = static_cast<const MysqlTable&>(*question.table);
        const std::size_t asked = group.Asked().size();
        co_await group.Add(*table.lookup_, question.key);
        if (group.Asked().size() == asked) continue;
        const SqlGroup::Member& member = group.Asked().back();
        queries.push_back(table.QueryFor(member.key));
        if (asked > 0)
            queries.back().has_parameters_of_last =
                HaveTheSameParameters(group.Asked()[asked - 1], member);
    }
    if (queries.empty()) co_return std::move(group).Outcomes();
    try {
        const std::vector<mysql::Values> values = co_await Run(std::move(queries));
        group.Answer(values);
    } catch (const outage::TableRefuses&) {
        // One of them may be to blame; the others are answered alone.
    } catch (const outage::TableUnavailable&) {
        group.Fail(std::current_exception());
    }
    co_return std::move(group).Outcomes();
}

async::Task<std::vector<mysql::Values>> MysqlTable::Run(std::vector<mysql::Query> queries) {
    outage::BackEnd& back_end = servers_->back_end;
    if (!back_end.MayAsk())
        throw outage::TableUnavailable(Name() + ": " + back_end.Name() +
                                       " did not answer a moment ago");
    const outage::BackEnd::Question question(back_end);
    try {
        auto values = co_await async::Within(servers_->loop, servers_->time_limit,
                                             AskServers(servers_, std::move(queries)));
        if (!values) throw outage::TableUnavailable(back_end.Name() + " does not answer in time");
        question.Answered();
        co_return std::move(*values);
    } catch (const outage::TableRefuses& refusal) {
        question.Answered();
        throw outage::TableRefuses(Name() + ": " + refusal.what(), refusal.IsMistake());
    } catch (const outage::TableUnavailable& failure) {
        question.Failed(failure.what());
        throw outage::TableUnavailable(Name() + ": " + failure.what(), failure.IsMistake());
    } catch (const std::runtime_error& failure) {
        question.Failed(failure.what());
        throw outage::TableUnavailable(Name() + ": " + failure.what());
    }
}

async::Task<std::vector<mysql::Values>> MysqlTable::AskServers(std::shared_ptr<Servers> servers,
                                                               std::vector<mysql::Query> queries) {
    co_return co_await servers->batches.Ask(std::move(queries));
}

}  // namespace policyd::tables
