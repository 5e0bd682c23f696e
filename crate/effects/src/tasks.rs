//! Tasks that are asked how far they get after each input. There are few of them, so all are asked.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
};

use crate::Host;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What is under way in a machine.
#[derive(Default)]
pub struct Tasks {
    going: Vec<Task>,
    begun: Rc<RefCell<Vec<Task>>>,
}

impl Tasks {
    /// What begins tasks, from outside and from within another.
    pub fn begin(&self, task: impl Future<Output = ()> + 'static) {
        self.begun.borrow_mut().push(Box::pin(task));
    }

    /// The same, for a task to take along.
    pub fn beginner(&self) -> impl Fn(Pin<Box<dyn Future<Output = ()>>>) + 'static {
        let begun = Rc::clone(&self.begun);
        move |task| begun.borrow_mut().push(task)
    }

    /// Goes on with every task until none gets any further.
    pub fn run(&mut self, host: &Host) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            host.still();
            self.going.append(&mut self.begun.borrow_mut());
            self.going.retain_mut(|task| {
                let goes_on = task.as_mut().poll(&mut context).is_pending();
                if !goes_on {
                    host.moved();
                }
                goes_on
            });
            if host.is_still() && self.begun.borrow().is_empty() {
                return;
            }
        }
    }
}
