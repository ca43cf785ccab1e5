// SPDX-License-Identifier: GPL-2.0

//! The command as it is called, over a tree of files that looks like the driver's.

use assert_cmd::Command;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, is_empty, starts_with};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// What a system looks like that has the driver, and two devices mapped.
struct Tree(TempDir);

impl Tree {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn new() -> Self {
        let tree = Self::empty();
        tree.file("sys/class/pktcdvd/add", "");
        tree.file("sys/class/pktcdvd/remove", "");
        tree.file(
            "sys/class/pktcdvd/device_map",
            "pktcdvd0 252:0 11:0\npktcdvd1 252:1 8:16\n",
        );
        tree.block("11:0", "sr0");
        tree.block("8:16", "sdb");
        tree.device("pktcdvd0", "252:0");
        tree.device("pktcdvd1", "252:1");
        fs::create_dir_all(tree.path("dev/pktcdvd")).unwrap();
        tree
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn block(&self, number: &str, name: &str) {
        fs::create_dir_all(self.path("sys/dev/block")).unwrap();
        fs::create_dir_all(self.path(&format!("sys/block/{name}"))).unwrap();
        let link = self.path(&format!("sys/dev/block/{number}"));
        symlink(Path::new("../../block").join(name), link).unwrap();
    }

    fn device(&self, name: &str, number: &str) {
        self.block(number, name);
        self.file(&format!("sys/block/{name}/size"), "8388608\n");
        self.file(&format!("sys/block/{name}/ro"), "0\n");
        self.file(
            &format!("sys/block/{name}/queue/minimum_io_size"),
            "65536\n",
        );
        let class = format!("sys/class/pktcdvd/{name}");
        for (file, text) in [
            ("packet_buffers", "8\n"),
            ("packet_wait_us", "5000\n"),
            ("write_queue/size", "3\n"),
            ("write_queue/congestion_on", "10000\n"),
            ("write_queue/congestion_off", "9000\n"),
            ("stat/kb_written", "128\n"),
            ("stat/kb_read", "7\n"),
            ("stat/packets_started", "2\n"),
            ("stat/packets_finished", "2\n"),
            ("stat/queue_max", "33\n"),
        ] {
            self.file(&format!("{class}/{file}"), text);
        }
        self.file(
            &format!("sys/kernel/debug/pktcdvd/{name}/info"),
            "Writer x mapped to y:\n\nQueue state:\n\tstate:\t\t\ti:7 ow:0 rw:0 ww:1 rec:0 fin:0 \n",
        );
    }

    /// A program that writes down with what it was called.
    fn program(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt;
        let log = self.path("log");
        let script = format!("#!/bin/sh\necho {name} \"$@\" >>{}\n", log.display());
        self.file(&format!("bin/{name}"), &script);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(&format!("bin/{name}")), mode).unwrap();
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn run(&self, line: &str) -> assert_cmd::assert::Assert {
        let mut command = Command::cargo_bin("pktcdvd").unwrap();
        command.env("PKTCDVD_ROOT", self.0.path());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.args(line.split(' ')).assert()
    }

    /// Runs a command that fails with `status`, and says so in one line.
    fn fails(&self, line: &str, status: i32, text: &str) {
        let output = self
            .run(line)
            .code(status)
            .stdout(is_empty())
            .get_output()
            .clone();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(text), "{line}: no {text:?} in {message:?}");
        assert!(message.starts_with("pktcdvd: "), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn list() {
    let wanted = "NAME      NUMBER    MAPPED TO   NODES\n\
                  pktcdvd0  252:0     sr0 (11:0)\n\
                  pktcdvd1  252:1     sdb (8:16)\n";
    Tree::new().run("-l").success().stdout(wanted);
    Tree::new().run("list").success().stdout(wanted);
    Tree::new().run("--list").success().stdout(wanted);
}

#[test]
fn nothing_mapped() {
    let tree = Tree::new();
    tree.file("sys/class/pktcdvd/device_map", "");
    tree.run("list").success().stdout("");
    tree.run("status").success().stdout("");
    tree.run("watch --once -i 0.1")
        .success()
        .stdout(contains("nothing is mapped"));
    tree.run("list --json")
        .success()
        .stdout("{\n  \"version\": 1,\n  \"devices\": []\n}\n");
}

#[test]
fn status() {
    let tree = Tree::new();
    let text = || {
        starts_with("pktcdvd1 (252:1) on sdb (8:16)\n")
            .and(contains("  size            4 GiB, in packets of 64 KiB\n"))
            .and(contains("7 idle, 0 waiting, 0 reading, 1 writing"))
            .and(contains(
                "3 writes, 33 at most; held back at 10000, until 9000\n",
            ))
    };
    for line in ["-s pktcdvd1", "status 252:1", "--status 8:16"] {
        tree.run(line).success().stdout(text());
    }
    tree.run("-s")
        .success()
        .stdout(contains("pktcdvd0 (").and(contains("pktcdvd1 (")));
}

#[test]
fn status_for_programs() {
    let tree = Tree::new();
    fs::remove_dir_all(tree.path("sys/kernel/debug/pktcdvd/pktcdvd1")).unwrap();
    let output = tree.run("-s --json").success().get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let [first, second] = &json["devices"].as_array().unwrap()[..] else {
        panic!("{json}");
    };
    assert_eq!(first["number"], "252:0");
    assert_eq!(first["lower"]["name"], "sr0");
    assert_eq!(first["counters"]["kb_written"], 128);
    assert_eq!(first["size_bytes"], 4u64 << 30);
    assert_eq!(first["queue"]["congestion_on"], 10000);
    assert_eq!(first["states"]["writing"], 1);
    assert!(second["states"].is_null() && second["medium"].is_null());
    // What debugfs has is for people.
    assert!(first.get("info").is_none());
}

#[test]
fn files_of_another_driver() {
    let tree = Tree::new();
    let class = "sys/class/pktcdvd/pktcdvd0";
    tree.file(&format!("{class}/stat/kb_written"), "\u{0}no number");
    tree.file(&format!("{class}/stat/new"), "5\n");
    tree.file(
        "sys/kernel/debug/pktcdvd/pktcdvd0/info",
        ":::\n\t:\n state i",
    );
    fs::write(tree.path(&format!("{class}/stat/kb_read")), b"\xff\xfe").unwrap();
    fs::remove_dir_all(tree.path(&format!("{class}/write_queue"))).unwrap();
    let output = tree
        .run("-s pktcdvd0 --json")
        .success()
        .get_output()
        .stdout
        .clone();
    let json: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(json["devices"][0]["counters"]["new"], 5);
    assert!(json["devices"][0]["counters"]["kb_written"].is_null());
    tree.run("-s").success();
    tree.run("watch -i 0.1").success();
}

#[test]
fn watch_without_a_terminal() {
    let tree = Tree::new();
    for line in [
        "watch --once -i 0.1",
        "-w -i 0.1",
        "watch -i 0.1 pktcdvd0 252:1",
    ] {
        let output = tree.run(line).success().get_output().stdout.clone();
        let text = String::from_utf8(output).unwrap();
        for wanted in [
            "pktcdvd0 (252:0)",
            "pktcdvd1 (252:1)",
            "7 idle",
            "3 of 10000",
            "0 B/s",
        ] {
            assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn no_module() {
    let tree = Tree::empty();
    for line in ["-l", "-s", "-a disc 8:16", "-r disc", "watch"] {
        tree.fails(line, 3, "`modprobe pktcdvd`");
    }
}

#[test]
fn add() {
    let tree = Tree::new();
    tree.run("add 8:16 -p 128K -b 4 -o 4K")
        .success()
        .stdout(contains("dev/pktcdvd/pktcdvd1\n"));
    assert_eq!(
        tree.text("sys/class/pktcdvd/add"),
        "8:16 packet_size=131072 packet_buffers=4 offset=4096\n"
    );
    assert_eq!(tree.text("sys/class/pktcdvd/remove"), "");
    tree.run("-a --json 8:16")
        .success()
        .stdout(contains("\"version\": 1"))
        .stdout(contains("\"number\": \"252:1\""));
    // That is what the kernel's own node is called.
    tree.run("-a pktcdvd1 8:16")
        .success()
        .stdout(contains("dev/pktcdvd/pktcdvd1\n"));
}

#[test]
fn what_cannot_be_added() {
    let tree = Tree::new();
    tree.fails("add disc 9:9", 4, "no block device 9:9");
    tree.fails("add disc /nowhere", 4, "there is no /nowhere");
    tree.fails("add disc /dev/null", 2, "/dev/null is no block device");
    tree.fails("add a/b 8:16", 2, "must not have a `/`");
    tree.fails("add control 8:16", 2, "control device");
    tree.run("add x 8:16 -p 1000")
        .code(2)
        .stderr(contains("multiple of 2K"));
    tree.run("add").code(2);
    tree.file("dev/pktcdvd/disc", "");
    tree.fails("add disc 8:16", 8, "exists, and is no name");
    assert_eq!(tree.text("sys/class/pktcdvd/add"), "", "nothing was tried");
}

#[test]
fn without_a_node_there_is_no_mapping() {
    let tree = Tree::new();
    fs::remove_dir(tree.path("dev/pktcdvd")).unwrap();
    tree.file("dev/pktcdvd", "");
    tree.fails("add disc 8:16", 1, "cannot make");
    assert_eq!(tree.text("sys/class/pktcdvd/add"), "8:16\n");
    assert_eq!(tree.text("sys/class/pktcdvd/remove"), "8:16\n");

    let tree = Tree::new();
    tree.fails("add pktcdvd7 8:16", 8, "it gave pktcdvd1");
    assert_eq!(tree.text("sys/class/pktcdvd/remove"), "8:16\n");

    let tree = Tree::new();
    fs::remove_dir(tree.path("dev/pktcdvd")).unwrap();
    tree.file("dev/pktcdvd", "");
    fs::remove_file(tree.path("sys/class/pktcdvd/remove")).unwrap();
    tree.fails("add disc 8:16", 1, "8:16 stays mapped");
}

#[test]
fn remove() {
    let tree = Tree::new();
    for (target, number) in [
        ("-r pktcdvd1", "252:1\n"),
        ("remove 252:0", "252:0\n"),
        ("--remove 8:16", "252:1\n"),
    ] {
        tree.run(target).success().stdout("");
        assert_eq!(tree.text("sys/class/pktcdvd/remove"), number);
    }
    tree.fails("-r 252:9", 4, "252:9 is not mapped");
    tree.fails("-r disc", 4, "no packet device disc");
    tree.fails("-r ../x/y", 4, "no packet device ../x/y");
    tree.fails("-r /dev/null", 2, "no block device");
    tree.fails("-r ..", 2, "the name");
    tree.fails("-s disc", 4, "no packet device disc");
}

#[test]
fn names_are_links() {
    let tree = Tree::new();
    tree.run("add disc 8:16")
        .success()
        .stdout(contains("dev/pktcdvd/disc\n"));
    let link = |name: &str| fs::read_link(tree.path(&format!("dev/pktcdvd/{name}")));
    assert_eq!(link("disc").unwrap(), Path::new("pktcdvd1"));
    tree.run("-l")
        .success()
        .stdout(contains("sdb (8:16)  disc\n"));
    tree.run("-s disc")
        .success()
        .stdout(starts_with("pktcdvd1 (252:1)"));
    // It is taken, unless it leads nowhere.
    tree.fails("add disc 11:0", 8, "it is pktcdvd1 (252:1)");
    symlink("pktcdvd77", tree.path("dev/pktcdvd/old")).unwrap();
    tree.run("add old 11:0").success();
    assert_eq!(link("old").unwrap(), Path::new("pktcdvd0"));
    // A link to elsewhere is none of them.
    symlink("/etc/pktcdvd1", tree.path("dev/pktcdvd/other")).unwrap();
    tree.fails("add other 8:16", 8, "no name of a packet device");
    tree.run("-r disc").success();
    assert_eq!(tree.text("sys/class/pktcdvd/remove"), "252:1\n");
    assert!(link("disc").is_err() && link("old").is_ok() && link("other").is_ok());
}

#[test]
fn several_go_on() {
    let tree = Tree::new();
    let output = tree
        .run("-r nothing pktcdvd1 252:9 --json")
        .code(4)
        .get_output()
        .clone();
    assert_eq!(tree.text("sys/class/pktcdvd/remove"), "252:1\n");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 3, "{errors}");
    assert!(errors.contains("nothing") && errors.contains("252:9 is not mapped"));
    assert!(errors.ends_with("pktcdvd: 2 of 3 failed\n"), "{errors}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["devices"][0]["name"], "pktcdvd1");
    assert_eq!(json["errors"][1]["status"], 4);
}

#[test]
fn errors_for_programs() {
    let tree = Tree::new();
    for line in [
        "-s --json disc",
        "-a --json x 9:9",
        "info --json 9:9",
        "format --json 9:9",
    ] {
        let output = tree.run(line).code(4).get_output().clone();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&json["version"], &json["error"]["status"]),
            (&1.into(), &4.into())
        );
        assert!(json["error"]["message"].is_string());
        // All that format prints are events.
        let event = line.starts_with("format").then_some("error");
        assert_eq!(json.get("event").and_then(|event| event.as_str()), event);
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
    }
}

#[test]
fn who_has_it_open() {
    use std::os::unix::fs::MetadataExt;
    let tree = Tree::new();
    // That the kernel says EBUSY cannot be had here; who uses a device can be found all the same.
    let mounts = "30 1 252:1 / /mnt/disc rw - udf /dev/pktcdvd/disc rw\n";
    tree.file("proc/self/mountinfo", mounts);
    tree.file("proc/77/comm", "cat\n");
    fs::create_dir_all(tree.path("proc/77/fd")).unwrap();
    fs::create_dir_all(tree.path("proc/78/fd")).unwrap();
    symlink("/dev/null", tree.path("proc/77/fd/3")).unwrap();
    let paths = pktcdvd::paths::Paths::below(tree.0.path());
    let number = "252:1".parse().unwrap();
    let users = pktcdvd::users::of(&paths, number);
    assert_eq!(pktcdvd::users::text(&users), "mounted on /mnt/disc");
    // A loop device of this machine stands for one that a process has open, if there is one.
    let Ok(node) = fs::metadata("/dev/loop0") else {
        return;
    };
    symlink("/dev/loop0", tree.path("proc/78/fd/5")).unwrap();
    let users = pktcdvd::users::of(
        &paths,
        pktcdvd::device_number::DeviceNumber::from_raw(node.rdev()),
    );
    assert_eq!(pktcdvd::users::text(&users), "open in  (78)");
}

#[test]
fn settings() {
    let tree = Tree::new();
    tree.file("sys/class/pktcdvd/pktcdvd0/stat/reset", "");
    tree.run("set pktcdvd0 packet_wait_us=20000 congestion_on=-1 reset=1")
        .success()
        .stdout("");
    let text = |file: &str| tree.text(&format!("sys/class/pktcdvd/pktcdvd0/{file}"));
    assert_eq!(text("packet_wait_us"), "20000\n");
    assert_eq!(text("write_queue/congestion_on"), "-1\n00\n");
    assert_eq!(text("stat/reset"), "1\n");
    tree.run("set pktcdvd0 packet_buffers=8 speed=1").code(2);
    tree.fails("set disc packet_buffers=8", 4, "no packet device disc");
    fs::remove_file(tree.path("sys/class/pktcdvd/pktcdvd0/packet_buffers")).unwrap();
    tree.fails(
        "set pktcdvd0 packet_buffers=8",
        1,
        "pktcdvd0: packet_buffers=8",
    );
}

#[test]
fn drives_only() {
    let tree = Tree::new();
    for line in ["format pktcdvd1", "info pktcdvd1", "eject pktcdvd1"] {
        tree.fails(line, 4, "no node of 8:16");
    }
    tree.fails("format /dev/null", 2, "no block device");
    tree.fails("umount /tmp", 4, "no packet device is mounted on /tmp");
}

#[test]
fn what_is_mounted_is_written_before() {
    let tree = Tree::new();
    tree.program("umount");
    let (one, two) = (tree.path("one"), tree.path("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let line = |number: &str, point: &Path, source: &str| {
        format!("9 1 {number} / {} rw - udf {source} rw\n", point.display())
    };
    let mounts = line("252:1", &one, "/dev/pktcdvd1") + &line("252:1", &two, "/dev/pktcdvd1");
    tree.file("proc/self/mountinfo", &mounts);
    tree.run("umount pktcdvd1").success();
    let wanted = format!("umount {}\numount {}\n", two.display(), one.display());
    assert_eq!(tree.log(), wanted);
    // What somebody else has mounted upon it stays, and so does what is below.
    fs::remove_file(tree.path("log")).unwrap();
    let other = mounts.clone() + &line("0:50", &two, "tmpfs");
    tree.file("proc/self/mountinfo", &other);
    let text = format!("tmpfs is mounted upon {}", two.display());
    tree.fails("umount pktcdvd1", 5, &text);
    assert_eq!(tree.log(), "");
    // Nothing is unmounted that cannot be written.
    tree.file("proc/self/mountinfo", &mounts);
    fs::remove_dir(&one).unwrap();
    tree.fails(
        "umount pktcdvd1",
        1,
        "what was written may not be on the disc",
    );
    assert_eq!(tree.log(), "");
}

#[test]
fn lines_of_what_is_done() {
    let tree = Tree::new();
    let output = tree
        .run("watch --json --once")
        .success()
        .get_output()
        .clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["devices"][1]["name"], "pktcdvd1");
}

#[test]
fn manual_and_completions() {
    let dir = tempfile::tempdir().unwrap();
    Command::cargo_bin("pktcdvd-generate")
        .unwrap()
        .arg(dir.path())
        .assert()
        .success();
    let page = |name: &str| fs::read_to_string(dir.path().join("man8").join(name)).unwrap();
    let main = page("pktcdvd.8");
    assert!(
        main.contains("pktcdvd 8") && main.contains("the name is taken"),
        "{main}"
    );
    assert!(
        !main.contains("generate") && !main.contains("root"),
        "{main}"
    );
    assert!(page("pktcdvd-add.8").contains("packet\\-size"));
    assert_eq!(fs::read_dir(dir.path().join("man8")).unwrap().count(), 13);
    for shell in ["pktcdvd.bash", "pktcdvd.fish", "_pktcdvd"] {
        let path = dir.path().join("completions").join(shell);
        assert!(
            fs::read_to_string(path).unwrap().contains("packet-size"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_has_had_enough() {
    use std::process::{Command, Stdio};
    let tree = Tree::new();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("pktcdvd"))
        .env("PKTCDVD_ROOT", tree.0.path())
        .args(["-s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}
