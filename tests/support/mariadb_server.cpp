#include "tests/support/mariadb_server.hpp"

#include <signal.h>
#include <unistd.h>

#include <stdexcept>

namespace policyd::test {

namespace {

std::string OwnUser() {
    return geteuid() == 0 ? "root" : std::to_string(geteuid());
}

void MakeDataDirectory(const std::filesystem::path& directory) {
    const Finished made =
        Run({"mariadb-install-db", "--no-defaults", "--user=" + OwnUser(),
             "--datadir=" + directory.string(), "--auth-root-authentication-method=normal",
             "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=4M",
             "--tmpdir=" + directory.parent_path().string()});
    if (made.status != 0)
        throw std::runtime_error("mariadb-install-db: " + made.output + made.errors);
}

}  // namespace

MariaDbServer::MariaDbServer(std::vector<std::string> arguments)
    : port_(FreePort()), arguments_(std::move(arguments)) {
    MakeDataDirectory(directory_ / "data");
    Start();
}

MariaDbServer::~MariaDbServer() {
    if (process_ && process_->IsRunning()) {
        process_->Signal(SIGCONT);
        process_->Signal(SIGKILL);
        process_->Wait();
    }
}

void MariaDbServer::Start() {
    const auto log = directory_ / "log";
    std::vector<std::string> command{"mariadbd",
                                     "--no-defaults",
                                     "--user=" + OwnUser(),
                                     "--datadir=" + (directory_ / "data").string(),
                                     "--socket=" + Socket().string(),
                                     "--pid-file=" + (directory_ / "pid").string(),
                                     "--bind-address=127.0.0.1",
                                     "--port=" + std::to_string(port_),
                                     "--skip-name-resolve",
                                     "--skip-log-bin",
                                     "--character-set-server=utf8mb4",
                                     "--collation-server=utf8mb4_general_ci",
                                     "--performance-schema=0",
                                     "--innodb-buffer-pool-size=24M",
                                     "--innodb-flush-log-at-trx-commit=0",
                                     "--innodb-log-file-size=4M",
                                     "--max-connections=400"};
    command.insert(command.end(), arguments_.begin(), arguments_.end());
    process_ = std::make_unique<Process>(std::move(command), Process::Options{log});
    WaitUntil(
        "MariaDB answers",
        [this] {
            if (!process_->IsRunning()) throw std::runtime_error("MariaDB ended");
            return CanConnect(Socket());
        },
        log);
}

void MariaDbServer::Stop(int signal) {
    process_->Signal(SIGCONT);
    process_->Signal(signal);
    if (!process_->Wait()) throw std::runtime_error("MariaDB does not stop");
}

void MariaDbServer::MakeSound() {
    if (!process_->IsRunning()) return Start();
    Resume();
    Execute("SET GLOBAL max_connections = DEFAULT");
}

void MariaDbServer::Pause() {
    process_->Signal(SIGSTOP);
}

void MariaDbServer::Resume() {
    process_->Signal(SIGCONT);
}

std::string MariaDbServer::Execute(const std::string& statements, const std::string& database) {
    std::vector<std::string> command{"mariadb",
                                     "--no-defaults",
                                     "--socket=" + Socket().string(),
                                     "--user=root",
                                     "--default-character-set=utf8mb4",
                                     "--batch",
                                     "--skip-column-names"};
    if (!database.empty()) command.push_back(database);
    const Finished finished = Run(std::move(command), statements);
    if (finished.status != 0) throw std::runtime_error("MariaDB: " + finished.errors);
    return finished.output;
}

}  // namespace policyd::test
